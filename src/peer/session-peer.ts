import { dirname } from 'node:path'
import { hostIn } from '../core/host.ts'
import { hostOf } from '../core/lifetime.ts'
import { sleep } from '../core/scope.ts'
import { Connection } from '../core/sqlite/connection.ts'
import { isBusy } from '../core/sqlite/sqlite-errors.ts'
import { ancestors, isLauncher, type Look, processes } from './ancestry.ts'

/**
 * Which living peer is that of the session whose hook we are. The session's own id says it where its peer has told it; else
 * it is the peer that was started by one of our own ancestors, as both of us are children of the agent.
 */

export interface Wanted {
  readonly agentTypes: readonly string[]
  readonly session: string | undefined
  /** Where the session works: tells several of one agent apart. */
  readonly cwd: string
  /** The agent runs all its sessions in one process: any common ancestor counts, but the project has to be the same. */
  readonly isOneProcess: boolean
}

export interface LivePeer {
  readonly name: string
  readonly agentType: string
  readonly sessionKey: string | null
  readonly projectPath: string
  readonly pid: number
  readonly startedAt: string
  readonly parent: number | null
  readonly socketPath: string
}

/** Undefined where there is none, or where it cannot be told which. Throws SQLite's errors. */
export async function findSessionPeer(database: string, wanted: Wanted, signal: AbortSignal): Promise<LivePeer | undefined> {
  const peers = (await livePeers(database, signal)).filter(({ agentType }) => wanted.agentTypes.includes(agentType))
  const named = peers.find(({ agentType, sessionKey }) => sessionKey === `${agentType}:${wanted.session?.slice(0, 200)}`)
  if (named || peers.length === 0) return named
  const siblings = peers.filter(({ parent }) => parent === process.ppid)
  if (siblings.length > 0) return theOne(siblings, wanted.cwd)
  return byAncestor(peers, await processes(process.platform, signal), process.pid, wanted)
}

const LIVING = `SELECT name, agent_type AS agentType, session_key AS sessionKey, project_path AS projectPath, pid,
  process_start AS startedAt, parent_pid AS parent, socket_path AS socketPath, boot_id AS bootId
  FROM peers WHERE live = 1 AND kind = 'session' AND socket_path IS NOT NULL AND pid IS NOT NULL`
const NAP_MS = 5

/** Straight from the file: a hook has no time for more than this one row of each. Those of other machines have other processes. */
async function livePeers(database: string, signal: AbortSignal): Promise<LivePeer[]> {
  const connection = new Connection(database)
  try {
    for (;;) {
      try {
        return ofThisMachine(connection.all<LivePeer & { bootId: string }>(LIVING), database)
      } catch (error) {
        if (!isBusy(error) || signal.aborted) throw error
        await sleep(NAP_MS, signal, true)
      }
    }
  } finally {
    connection.close()
  }
}

/** On a mesh of several machines, pids of the others mean nothing here. */
function ofThisMachine(peers: (LivePeer & { bootId: string })[], database: string): LivePeer[] {
  if (peers.every(({ bootId }) => hostOf(bootId) === '')) return peers
  const host = hostIn(dirname(database))
  return peers.filter(({ bootId }) => hostOf(bootId) === host)
}

/**
 * The peers whose agent is one of our ancestors, the nearest one; that agent is the first process above them that is not
 * there only to launch us. A terminal or a shell above two agents is no agent of either. Pure.
 */
export function byAncestor(peers: readonly LivePeer[], look: Look, ownPid: number, wanted: Wanted): LivePeer | undefined {
  const ours = ancestors(look, ownPid).map(({ pid }) => pid)
  const theirs = peers
    .filter(({ pid, startedAt }) => isSameStart(look(pid)?.startedAt, startedAt))
    .map((peer) => ({ peer, above: ancestors(look, peer.pid) }))
  const nearest = (shared: (above: ReturnType<typeof ancestors>) => number) => {
    const found = theirs.map(({ peer, above }) => ({ peer, depth: shared(above) })).filter(({ depth }) => depth !== -1)
    const least = Math.min(...found.map(({ depth }) => depth))
    return found.filter(({ depth }) => depth === least).map(({ peer }) => peer)
  }
  const own = nearest((above) => ours.indexOf(above.find(({ command }) => !isLauncher(command))?.pid ?? -1))
  if (own.length > 0 || !wanted.isOneProcess) return theOne(own, wanted.cwd)
  const near = nearest((above) => ours.findIndex((pid) => pid > 1 && above.some((process) => process.pid === pid)))
  return theOne(
    near.filter(({ projectPath }) => isWithin(wanted.cwd, projectPath)),
    wanted.cwd,
  )
}

/** CIM tells microseconds where the peer has written down a tenth of them. */
const isSameStart = (seen: string | undefined, known: string) =>
  seen === known || (/^\d{15,}$/.test(known) && seen?.slice(0, -1) === known.slice(0, -1))

/** The only one; of several, the only one in whose project, the innermost, the session works. Pure. */
function theOne(peers: readonly LivePeer[], cwd: string): LivePeer | undefined {
  if (peers.length === 1) return peers[0]
  const around = peers.filter(({ projectPath }) => isWithin(cwd, projectPath))
  const innermost = Math.max(...around.map(({ projectPath }) => projectPath.length))
  const [one, another] = around.filter(({ projectPath }) => projectPath.length === innermost)
  return another === undefined ? one : undefined
}

/** Is it that directory, or one below it? */
function isWithin(path: string, directory: string): boolean {
  const [inner, outer] = [path, directory].map((text) => text.replaceAll('\\', '/').replace(/\/+$/, ''))
  return inner !== undefined && outer !== undefined && (inner === outer || inner.startsWith(`${outer}/`))
}
