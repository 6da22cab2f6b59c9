import { type BigIntStats, lstatSync, readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { leaveSocketDir, socketDirs, socketSite, whyUnsafe } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import { knock } from '../../peer/knock.ts'
import { isDead } from './dead-peers.ts'
import type { Ground, Leftover } from './leftover.ts'

/**
 * Socket files that nobody listens at. A peer makes its socket before it has its row, and for a moment a socket exists
 * before anybody listens: so one refusal is not enough, and no row is not either.
 */

/** Longer than any process takes from making a socket to listening at it. */
const BETWEEN_KNOCKS_MS = 100
const KNOCK_MS = 500
/** Sockets that are knocked at together: each costs a descriptor. */
const TOGETHER = 64

export async function findStaleSockets({ layout, rows }: Ground): Promise<Leftover[]> {
  if (process.platform === 'win32') return [] // named pipes go with their process
  const living = new Set(rows.peers.flatMap((row) => (row.live === 1 && !isDead(row) ? (row.socket_path ?? []) : [])))
  const found = dirsOf(layout.dataDir, living).flatMap(socketsIn)
  const once = await refusing(found.filter(({ path }) => !living.has(path)))
  if (once.length === 0) return []
  await sleep(BETWEEN_KNOCKS_MS, undefined, true)
  const twice = (await refusing(once)).filter(isSame)
  return twice.map((socket) => ({
    kind: 'socket',
    what: `stale socket ${dirname(socket.path) === layout.sockets ? basename(socket.path) : socket.path}`,
    facts: { path: socket.path },
    async clear() {
      if (!isSame(socket)) return false
      rmSync(socket.path, { force: true })
      leaveSocketDir(layout.dataDir, socket.path)
      return true
    },
  }))
}

interface Socket {
  readonly path: string
  /** What stood there when it was found: another one at the same path is another peer's. */
  readonly identity: string
}

/** Where this mesh's sockets may stand: also outside its directory, where that has too long a path for one. */
function dirsOf(dataDir: string, living: ReadonlySet<string>): string[] {
  const [own = '', ...fallback] = socketDirs(dataDir, socketSite())
  const names = new Set(fallback.map((dir) => basename(dir)))
  // Another process may have had another temporary directory.
  const elsewhere = [...living].map((path) => dirname(path)).filter((dir) => names.has(basename(dir)))
  return [...new Set([own, ...fallback, ...elsewhere])]
}

function socketsIn(dir: string): Socket[] {
  const stat = lstatSync(dir, { throwIfNoEntry: false })
  if (!stat || whyUnsafe(stat, process.getuid?.(), process.platform) !== undefined) return []
  return readdirSync(dir)
    .filter((name) => name.endsWith('.sock'))
    .flatMap((name) => {
      const path = join(dir, name)
      const identity = identityOf(path)
      return identity === undefined ? [] : [{ path, identity }]
    })
}

/** Undefined where no socket of ours stands there: a file, a link, or another user's is not looked at further. */
function identityOf(path: string): string | undefined {
  const stat: BigIntStats | undefined = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (!stat?.isSocket() || (process.getuid && stat.uid !== BigInt(process.getuid()))) return undefined
  return `${stat.dev} ${stat.ino} ${stat.ctimeNs}`
}

const isSame = ({ path, identity }: Socket) => identityOf(path) === identity

async function refusing(sockets: readonly Socket[]): Promise<Socket[]> {
  const refused: Socket[] = []
  for (let i = 0; i < sockets.length; i += TOGETHER) {
    const batch = sockets.slice(i, i + TOGETHER)
    const answers = await Promise.all(batch.map(({ path }) => knock(path, KNOCK_MS)))
    refused.push(...batch.filter((_, n) => answers[n] === 'refused'))
  }
  return refused
}
