import { Connection } from '../core/connection.ts'
import { type Leadership, readLeadership } from '../core/leadership.ts'
import type { PeerRow } from '../core/peers.ts'
import { translate } from '../core/sqlite-errors.ts'

/**
 * The rows of the file as they stand, looked at without opening a mesh: nothing is migrated, nobody is ended, and a file
 * of an older or newer program is read as far as its columns are known.
 */
export interface Rows {
  readonly leadership: Leadership
  /** Everybody but the known senders, also those that are away. */
  readonly peers: readonly PeerRow[]
}

const MAX_ROWS = 10_000

export const NO_ROWS: Rows = { leadership: { term: 0, peer: null, port: null, tokenHash: null, last: null }, peers: [] }

/** Throws `MeshError`: `corrupt`, `read_only`, `storage`, `busy`. The file must exist: opening would make one. */
export function readRows(database: string): Rows {
  try {
    const connection = new Connection(database)
    try {
      const hasTables = connection.get(`SELECT 1 FROM sqlite_master WHERE name = 'leader'`) !== undefined
      if (!hasTables) return NO_ROWS
      return {
        leadership: readLeadership(connection),
        peers: connection.all<PeerRow>(
          `SELECT * FROM peers WHERE kind <> 'known' ORDER BY live DESC, heartbeat_at DESC LIMIT ${MAX_ROWS}`,
        ),
      }
    } finally {
      connection.close()
    }
  } catch (error) {
    throw translate(error, database)
  }
}
