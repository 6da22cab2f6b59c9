import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { bareBoot, hostIn } from '../core/host.ts'
import { type Leadership, readLeadership } from '../core/leadership.ts'
import type { ProcessRef } from '../core/peer.ts'
import type { Sql } from '../core/sql.ts'
import { Connection } from '../core/sqlite/connection.ts'
import { connectLeader, type LeaderClient } from '../peer/leader/client.ts'
import { isGone } from '../peer/process-identity.ts'
import type { Standing } from './mesh.ts'

/** Who leads, and a connection to it: only once it has proven to be the leader that the database names. */

/** A leader that takes longer to prove itself hangs; the file answers then. */
const PROOF_MS = 700

type Found = { client: LeaderClient; why: null } | { client: undefined; why: string }

/**
 * Where the two files of the data directory lead to the leader, the database is not even opened: who leads proves it (see
 * client.ts). They stay behind when nobody leads any more, and are behind for a moment when another begins: then the row
 * says who it is, and why nobody answers.
 */
export async function findLeader(desk: Pick<Standing, 'config' | 'layout'>): Promise<Found> {
  const { layout } = desk
  const port = Number(contentOf(layout.port))
  const token = contentOf(layout.token)
  const isAsked = mayLead(layout)
  const client = isAsked ? await ask(desk, port, token) : undefined
  if (client) return { client, why: null }
  const row = leaderRow(layout.database)
  const { peer, last } = row
  if (!peer || isGone(peer.process)) return { client: undefined, why: `Nobody leads${last ? `; ${last.name} led last` : ''}.` }
  const [itsPort, itsToken] = [row.port ?? 0, contentOf(layout.token)]
  const isTheSame = isAsked && itsPort === port && itsToken === token
  const itself = isTheSame ? undefined : await ask(desk, itsPort, itsToken)
  if (itself) return { client: itself, why: null }
  const now = leaderRow(layout.database)
  // Another was elected while we looked.
  if (now.term !== row.term || now.port !== row.port) return findLeader(desk)
  return { client: undefined, why: `The leader, ${peer.name} (pid ${peer.process.pid}), does not answer.` }
}

/**
 * Nothing of a leader is left where the last one has resigned: neither then nor without a database, which whoever leads is
 * about to miss, is a port asked that may be somebody else's by now.
 */
const mayLead = ({ dataDir, database }: Standing['layout']) =>
  existsSync(database) && readdirSync(dataDir).some((name) => /^leader\.\d+\.lock$/.test(name))

async function ask({ config }: Pick<Standing, 'config'>, port: number, token: string): Promise<LeaderClient | undefined> {
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536
  return isPort && token !== '' ? connectLeader({ port, token, host: config.host }, PROOF_MS) : undefined
}

const NOBODY: Leadership = { term: 0, peer: null, port: null, tokenHash: null, last: null }

/** A look at the leader's row alone: without the operations and all that they load. */
export function leaderRow(database: string): Leadership {
  if (!existsSync(database)) return NOBODY
  const connection = new Connection(database)
  try {
    return leadershipIn(connection, hostIn(dirname(database)))
  } catch {
    return NOBODY // no schema yet, or damaged: opening it for real says what is wrong
  } finally {
    connection.close()
  }
}

/** The leader's process as it is called where its machine is the only one. */
export function leadershipIn(sql: Sql, host: string): Leadership {
  const row = readLeadership(sql)
  const bare = <P extends { process: ProcessRef }>(peer: P): P => ({
    ...peer,
    process: { ...peer.process, bootId: bareBoot(peer.process.bootId, host) },
  })
  return { ...row, peer: row.peer && bare(row.peer) }
}

/** Empty where the file is not there. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
