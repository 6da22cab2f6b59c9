import type { Clock } from './clock.ts'
import type { Claim, EditAnswer, LockRow } from './lock.ts'
import type { LockLine } from './lock-line.ts'
import type { Actor } from './operation.ts'
import type { Located } from './path-scheme.ts'
import type { Sql, Transaction } from './sql.ts'
import type { StandingLocks } from './standing-locks.ts'
import type { Storage } from './storage.ts'

/**
 * Locks that an agent's edits take for its turn, and that the turn's end gives back. Which ones they are stands in the
 * memory of the process that took them: with it they are free anyway. What the agent asks for itself is its own.
 */

/** The reason that others read of a lock that an edit took. */
const EDITING = 'editing'

/** What locks.ts does for any lock. */
interface Locking {
  readonly line: LockLine
  readonly standing: StandingLocks
  grant(tx: Transaction, actor: Actor, path: Located, claim: Claim): LockRow
  free(tx: Transaction, row: LockRow, reason: 'expired'): void
  giveBack(granted: readonly { path_key: string; token: number }[]): Promise<void>
}

export function createTurnLocks(database: Storage, clock: Clock, on: Locking) {
  const { standing } = on
  /** Locks that hooks of this process's agent took, and it has not asked for itself since. By token. */
  const byHook = new Map<number, Pick<LockRow, 'path_key' | 'token' | 'holder_id'>>()

  /** Takes a free path for the turn of the agent that edits it, or renews what it took for the turn. */
  function takeForTurn(tx: Transaction, actor: Actor, path: Located, ttlMs: number): LockRow | undefined {
    const held = tx.get<LockRow>('SELECT * FROM locks WHERE path_key = ?', path.key)
    if (held && byHook.has(held.token))
      tx.run(
        'UPDATE locks SET expires_at = max(expires_at, ?), expires_uptime = max(expires_uptime, ?) WHERE path_key = ?',
        clock.now() + ttlMs,
        clock.uptime() + ttlMs,
        path.key,
      )
    if (standing.covers(tx, actor.id, path.key) || on.line.ahead(tx, path.key, actor.id, null).length > 0) return undefined
    const row = on.grant(tx, actor, path, { paths: [path], reason: EDITING, ttlMs, ticket: null })
    tx.afterCommit(`by hook ${row.token}`, () => byHook.set(row.token, row))
    return row
  }

  return {
    /** The agent has asked for that lock itself. */
    own: (tx: Transaction, token: number) => tx.afterCommit(`own ${token}`, () => byHook.delete(token)),

    /**
     * An edit of these paths is about to happen: refused, and nothing taken, where somebody else holds one of them.
     * With `ttlMs` each path that is free is locked for the turn, past nobody who waits in line, and what an earlier edit
     * has locked is renewed. What the agent has locked itself stays as it is.
     */
    async edit(actor: Actor, paths: readonly Located[], ttlMs: number | null): Promise<EditAnswer> {
      const inTheWay = (sql: Sql) => paths.flatMap((path) => standing.inTheWay(sql, path))
      const conflicts = (sql: Sql, rows: LockRow[]) => {
        const held = rows.filter((row) => !standing.isOwn(row, actor) && !standing.isOver(row))
        return [...new Map(held.map((row) => [row.path_key, row])).values()].map((row) => standing.conflict(sql, row, actor))
      }
      if (ttlMs === null)
        return database.read((sql) => {
          const refused = conflicts(sql, inTheWay(sql))
          return refused.length > 0 ? { refused } : { took: [], elsewhere: standing.elsewhere(sql, actor, paths) }
        })
      return database.write((tx) => {
        const rows = inTheWay(tx)
        for (const row of new Map(rows.map((row) => [row.path_key, row])).values())
          if (standing.isOver(row)) on.free(tx, row, 'expired')
        const refused = conflicts(tx, rows)
        if (refused.length > 0) return { refused }
        return {
          took: paths.flatMap((path) => takeForTurn(tx, actor, path, ttlMs) ?? []),
          elsewhere: standing.elsewhere(tx, actor, paths),
        }
      })
    },

    /** Gives back what hooks took in this turn and the agent has not made its own. Returns how many. */
    async end(holderId: string): Promise<number> {
      const taken = [...byHook.values()].filter((row) => row.holder_id === holderId)
      if (taken.length === 0) return 0
      await on.giveBack(taken)
      for (const { token } of taken) byHook.delete(token)
      return taken.length
    },
  }
}
