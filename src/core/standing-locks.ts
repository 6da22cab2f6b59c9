import type { Clock } from './clock.ts'
import type { Conflict } from './errors.ts'
import { keysAbove } from './file-path.ts'
import { hostOf, leftMs } from './lifetime.ts'
import { conflictOf, type LockRow } from './lock.ts'
import { overlapping } from './lock-line.ts'
import type { Actor } from './operation.ts'
import type { Located, PathScheme } from './path-scheme.ts'
import type { Sql } from './sql.ts'

/** What the locks that stand mean to somebody: whose they are, what they cover, and what is in the way. Nothing is changed here. */

export type StandingLocks = ReturnType<typeof createStandingLocks>

export function createStandingLocks(clock: Clock, scheme: PathScheme) {
  const conflict = (sql: Sql, row: LockRow, actor: Actor) => conflictOf(row, scheme.shown(sql, row, actor))

  /** Locks on that path, above it or below it. */
  const inTheWay = (sql: Sql, path: Located): LockRow[] => [
    ...overlapping<LockRow>(sql, 'locks', path.key),
    ...scheme.nested(path, () => sql.all<LockRow>('SELECT * FROM locks')),
  ]

  const left = (row: LockRow) => leftMs(row.expires_uptime, row.boot_id, clock)
  const isOver = (row: LockRow) => left(row) <= 0
  /** All shells are `cli`: those of one machine are one holder, and those of another exclude them. */
  const isOwn = (row: LockRow, actor: Actor) => row.holder_id === actor.id && hostOf(row.boot_id) === hostOf(clock.bootId)

  const holds = (sql: Sql, peerId: string, key: string) =>
    sql.get('SELECT 1 FROM locks WHERE path_key = ? AND holder_id = ?', key, peerId) !== undefined

  const covers = (sql: Sql, peerId: string, key: string) => [...keysAbove(key), key].some((at) => holds(sql, peerId, at))

  /** Locks of others on the same file of the same repository in another worktree. */
  function elsewhere(tx: Sql, actor: Actor, paths: readonly Located[]): Conflict[] {
    return paths.flatMap((path) =>
      path.repoPath === null || path.repo === null
        ? []
        : tx
            .all<LockRow>(
              'SELECT * FROM locks WHERE repo = ? AND repo_path = ? AND path_key <> ? AND holder_id <> ?',
              path.repo,
              path.repoPath,
              path.key,
              actor.id,
            )
            .filter((row) => !isOver(row))
            .map((row) => conflict(tx, row, actor)),
    )
  }

  return { conflict, inTheWay, left, isOver, isOwn, holds, covers, elsewhere }
}
