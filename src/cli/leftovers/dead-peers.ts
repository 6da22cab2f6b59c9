import { processOf } from '../../core/identity.ts'
import type { PeerRow } from '../../core/peer.ts'
import { isGone } from '../../peer/process-identity.ts'
import type { Ground, Leftover } from './leftover.ts'

/** Rows of peers whose process is provably gone; their locks are freed with them, and those who wait are rung. */
export function findDeadPeers({ rows, store }: Ground): Leftover[] {
  return rows.peers.filter(isDead).map((row) => ({
    kind: 'peer',
    what: `peer ${row.name}, whose process ${row.pid} is gone`,
    facts: { name: row.name, id: row.id, pid: row.pid ?? 0 },
    // The socket's path belongs to that process alone: a session that has come since is not ended.
    clear: async () => (await store()).peers.end(row.id, 'crashed', row.socket_path),
  }))
}

export const isDead = (row: PeerRow) => row.live === 1 && isGone(processOf(row))
