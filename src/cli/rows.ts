import { dirname } from 'node:path'
import { bareBoot, hostIn } from '../core/host.ts'
import type { Leadership } from '../core/leadership.ts'
import { hostOf } from '../core/lifetime.ts'
import type { PeerRow } from '../core/peer.ts'
import { Connection } from '../core/sqlite/connection.ts'
import { translate } from '../core/sqlite/sqlite-errors.ts'
import { leadershipIn } from './find-leader.ts'

/**
 * The rows of the file as they stand, looked at without opening a mesh: nothing is migrated, nobody is ended, and a file
 * of an older or newer program is read as far as its columns are known.
 */
export interface Rows {
  readonly leadership: Leadership
  /** Everybody of this machine but the known senders, also those that are away. */
  readonly peers: readonly PeerRow[]
  /** Those of other machines. */
  readonly others: readonly PeerRow[]
}

const MAX_ROWS = 10_000

export const NO_ROWS: Rows = {
  leadership: { term: 0, peer: null, port: null, tokenHash: null, last: null },
  peers: [],
  others: [],
}

/** Throws `MeshError`: `corrupt`, `read_only`, `storage`, `busy`. The file must exist: opening would make one. */
export function rowsIn(database: string): Rows {
  try {
    const connection = new Connection(database)
    try {
      const hasTables = connection.get(`SELECT 1 FROM sqlite_master WHERE name = 'leader'`) !== undefined
      if (!hasTables) return NO_ROWS
      const host = hostIn(dirname(database))
      const rows = connection
        .all<PeerRow>(`SELECT * FROM peers WHERE kind <> 'known' ORDER BY live DESC, heartbeat_at DESC LIMIT ${MAX_ROWS}`)
        .map((row) => (row.boot_id === null ? row : { ...row, boot_id: bareBoot(row.boot_id, host) }))
      const isHere = (row: PeerRow) => hostOf(row.boot_id ?? '') === ''
      return {
        leadership: leadershipIn(connection, host),
        peers: rows.filter(isHere),
        others: rows.filter((row) => !isHere(row)),
      }
    } finally {
      connection.close()
    }
  } catch (error) {
    throw translate(error, database)
  }
}
