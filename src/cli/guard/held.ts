import { join } from 'node:path'
import { type Clock, systemClock } from '../../core/clock.ts'
import { keysAbove } from '../../core/file-path.ts'
import { meshBoot } from '../../core/host.ts'
import { processOf } from '../../core/identity.ts'
import { hostOf, isOver } from '../../core/lifetime.ts'
import type { LockRow } from '../../core/lock.ts'
import { NOWHERE } from '../../core/outsiders.ts'
import type { PathScheme } from '../../core/path-scheme.ts'
import type { PeerRow } from '../../core/peer.ts'
import type { Sql } from '../../core/sql.ts'
import { Connection } from '../../core/sqlite/connection.ts'
import { translate } from '../../core/sqlite/sqlite-errors.ts'
import { isGone } from '../../peer/process-identity.ts'

/** Which paths of a commit another peer holds, straight from the file: a commit waits for us. */

/** `host`: the machine of its holder, where that is another. */
type Standing = LockRow & { readonly host?: string }

export interface Holding {
  /** Of the commit, from the top of the work tree. */
  readonly path: string
  readonly lock: { readonly filePath: string; readonly reason: string; readonly until: string }
  readonly holder: { readonly id: string; readonly name: string; readonly agentType: string; readonly host?: string }
}

/** Locks that stand, of holders that are not provably gone. Throws `MeshError`. */
export function standingLocks(
  database: string,
  peers: readonly PeerRow[],
  hostId: string,
  clock: Clock = systemClock,
): Standing[] {
  try {
    const connection = new Connection(database)
    try {
      const now = { uptime: clock.uptime, bootId: meshBoot(clock.bootId, hostId) }
      const byId = new Map(peers.map((row) => [row.id, row]))
      const isDead = (row: PeerRow | undefined) => row !== undefined && row.kind === 'session' && isGone(processOf(row))
      return connection
        .all<LockRow>('SELECT * FROM locks')
        .filter((lock) => !isOver(lock.expires_uptime, lock.boot_id, now) && !isDead(byId.get(lock.holder_id)))
        .map((lock) => (hostOf(lock.boot_id) === hostId ? lock : { ...lock, host: hostName(connection, hostOf(lock.boot_id)) }))
    } finally {
      connection.close()
    }
  } catch (error) {
    throw translate(error, database)
  }
}

const hostName = (sql: Sql, id: string) =>
  sql.get<{ name: string }>('SELECT name FROM hosts WHERE id = ?', id)?.name ?? id.slice(0, 8)

/** Paths that somebody else than `own` holds, itself or a directory above it. */
export function heldByOthers(
  top: string,
  paths: readonly string[],
  locks: readonly Standing[],
  own: string,
  agentTypes: ReadonlyMap<string, string>,
  scheme: Pick<PathScheme, 'locate' | 'nested'>,
): Holding[] {
  // All shells of one machine are one holder.
  const isOther = (lock: Standing) => lock.holder_id !== own || lock.host !== undefined
  const others = locks.filter(isOther)
  if (others.length === 0) return []
  const byKey = new Map(others.map((lock) => [lock.path_key, lock]))
  return paths.flatMap((path) => {
    const located = scheme.locate(join(top, path), NOWHERE)
    const { key, repo } = located
    const above = [key, ...keysAbove(key).reverse()].map((at) => byKey.get(at)).find((found) => found !== undefined)
    const lock = above ?? scheme.nested(located, () => others)[0]
    if (!lock) return []
    const { holder_id: id, holder_name: name, reason, host } = lock
    const inRepo = host !== undefined && lock.repo === repo ? lock.repo_path : null
    const filePath = inRepo === null ? lock.file_path : join(top, inRepo)
    const until = new Date(lock.expires_at).toISOString()
    const holder = { id, name, agentType: agentTypes.get(id) ?? 'human', ...(host !== undefined && { host }) }
    return [{ path, lock: { filePath, reason, until }, holder }]
  })
}
