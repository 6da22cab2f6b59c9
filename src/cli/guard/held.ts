import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import { Connection } from '../../core/connection.ts'
import { canonicalPath, keysAbove } from '../../core/file-path.ts'
import { processOf } from '../../core/identity.ts'
import { isOver } from '../../core/lifetime.ts'
import type { PeerRow } from '../../core/peers.ts'
import { translate } from '../../core/sqlite-errors.ts'
import { isGone } from '../../peer/process-identity.ts'

/** Which paths of a commit another peer holds, straight from the file: a commit waits for us. */

interface LockRow {
  readonly path_key: string
  readonly file_path: string
  readonly holder_id: string
  readonly holder_name: string
  readonly reason: string
  readonly expires_at: number
  readonly expires_uptime: number
  readonly boot_id: string
}

export interface Holding {
  /** Of the commit, from the top of the work tree. */
  readonly path: string
  readonly lock: { readonly filePath: string; readonly reason: string; readonly until: string }
  readonly holder: { readonly id: string; readonly name: string; readonly agentType: string }
}

/** Locks that stand, of holders that are not provably gone. Throws `MeshError`. */
export function standingLocks(database: string, peers: readonly PeerRow[], clock: Clock = systemClock): LockRow[] {
  try {
    const connection = new Connection(database)
    try {
      const byId = new Map(peers.map((row) => [row.id, row]))
      const isDead = (row: PeerRow | undefined) => row !== undefined && row.kind === 'session' && isGone(processOf(row))
      return connection
        .all<LockRow>('SELECT * FROM locks')
        .filter((lock) => !isOver(lock.expires_uptime, lock.boot_id, clock) && !isDead(byId.get(lock.holder_id)))
    } finally {
      connection.close()
    }
  } catch (error) {
    throw translate(error, database)
  }
}

/** Paths that somebody else than `own` holds, itself or a directory above it. */
export function heldByOthers(
  top: string,
  paths: readonly string[],
  locks: readonly LockRow[],
  own: string,
  agentTypes: ReadonlyMap<string, string>,
): Holding[] {
  const others = new Map(locks.filter((lock) => lock.holder_id !== own).map((lock) => [lock.path_key, lock]))
  if (others.size === 0) return []
  return paths.flatMap((path) => {
    const { key } = canonicalPath(join(top, path), '')
    const lock = [key, ...keysAbove(key).reverse()].map((at) => others.get(at)).find((found) => found !== undefined)
    if (!lock) return []
    const { holder_id: id, holder_name: name, file_path: filePath, reason } = lock
    const until = new Date(lock.expires_at).toISOString()
    return [{ path, lock: { filePath, reason, until }, holder: { id, name, agentType: agentTypes.get(id) ?? 'human' } }]
  })
}
