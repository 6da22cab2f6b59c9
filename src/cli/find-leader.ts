import { existsSync, readFileSync } from 'node:fs'
import { Connection } from '../core/connection.ts'
import { type Leadership, readLeadership } from '../core/leadership.ts'
import { connectLeader, type LeaderClient } from '../peer/leader/client.ts'
import { isGone } from '../peer/process-identity.ts'
import type { Standing } from './mesh.ts'

/** Who leads, and a connection to it: only once it has proven to be the leader that the database names. */

/** A leader that takes longer to prove itself hangs; the file answers then. */
const PROOF_MS = 700

type Found = { row: Leadership; client: LeaderClient; why: null } | { row: Leadership; client: undefined; why: string }

/** The leader that the database names, once it has proven that it is that leader. */
export async function findLeader(desk: Pick<Standing, 'config' | 'layout'>): Promise<Found> {
  const row = leaderRow(desk.layout.database)
  const { peer, port, term, last } = row
  if (!peer || isGone(peer.process))
    return { row, client: undefined, why: `Nobody leads${last ? `; ${last.name} led last` : ''}.` }
  const token = port === null ? undefined : readToken(desk.layout.token)
  const client =
    port !== null && token !== undefined
      ? await connectLeader({ port, term, pid: peer.process.pid, token, host: desk.config.host }, PROOF_MS)
      : undefined
  if (client) return { row, client, why: null }
  const now = leaderRow(desk.layout.database)
  // Another was elected while we looked.
  if (now.term !== term || now.port !== port) return findLeader(desk)
  return { row, client: undefined, why: `The leader, ${peer.name} (pid ${peer.process.pid}), does not answer.` }
}

export const NOBODY: Leadership = { term: 0, peer: null, port: null, tokenHash: null, last: null }

/** A look at the leader's row alone: without the operations and all that they load. */
export function leaderRow(database: string): Leadership {
  if (!existsSync(database)) return NOBODY
  const connection = new Connection(database)
  try {
    return readLeadership(connection)
  } catch {
    return NOBODY // no schema yet, or damaged: opening it for real says what is wrong
  } finally {
    connection.close()
  }
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
