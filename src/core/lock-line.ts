import type { Clock } from './clock.ts'
import { keysAbove, keysBelow } from './file-path.ts'
import { isOver as isPast } from './lifetime.ts'
import type { RingLater } from './ring.ts'
import type { Sql, Transaction } from './sql.ts'

/**
 * The line in front of locked paths: first come, first served. Whoever waits holds a ticket, with one row a path; a
 * path is only granted to somebody whom no earlier living ticket precedes. Nobody is granted anything here: when a lock
 * or a ticket goes, those who wait are rung, and try.
 */

export interface Wait {
  ticket: number
  path_key: string
  peer_id: string
  peer_name: string
  until_at: number
  until_uptime: number
  boot_id: string
}

/** Rows of a table whose path is this one, above it, or below it. */
export function overlapping<R>(sql: Sql, table: 'locks' | 'lock_waits', key: string): R[] {
  const above = [...keysAbove(key), key]
  return [
    ...sql.all<R>(`SELECT * FROM ${table} WHERE path_key IN (SELECT value FROM json_each(?))`, JSON.stringify(above)),
    ...sql.all<R>(`SELECT * FROM ${table} WHERE path_key >= ? AND path_key < ?`, ...keysBelow(key)),
  ]
}

export type LockLine = ReturnType<typeof createLockLine>

export function createLockLine(clock: Clock, ring: RingLater) {
  const isOver = (wait: Wait) => isPast(wait.until_uptime, wait.boot_id, clock)

  /** Rings everyone who waits for something that overlaps this path. */
  function ringFor(tx: Transaction, key: string): void {
    for (const { peer_id } of overlapping<Wait>(tx, 'lock_waits', key)) {
      const peer = tx.get<{ id: string; socket_path: string | null }>('SELECT id, socket_path FROM peers WHERE id = ?', peer_id)
      if (peer) ring(tx, peer)
    }
  }

  function remove(tx: Transaction, waits: readonly Wait[]): void {
    for (const { ticket, path_key } of waits) tx.run('DELETE FROM lock_waits WHERE ticket = ? AND path_key = ?', ticket, path_key)
    for (const { path_key } of waits) ringFor(tx, path_key)
  }

  return {
    ringFor,

    /** Who of the others has waited longer for this path than `ticket` (null: has just come). Drops waits that are over. */
    ahead(tx: Transaction, key: string, peerId: string, ticket: number | null): Wait[] {
      const others = overlapping<Wait>(tx, 'lock_waits', key).filter(
        (wait) => wait.peer_id !== peerId && (ticket === null || wait.ticket < ticket),
      )
      remove(tx, others.filter(isOver))
      return others.filter((wait) => !isOver(wait))
    },

    /** Takes a place at the end of the line for all of the paths. Returns the ticket. */
    stand(tx: Transaction, peer: { id: string; name: string }, keys: readonly string[], waitMs: number): number {
      const ticket = tx.run('INSERT INTO lock_tickets DEFAULT VALUES').rowid
      // AUTOINCREMENT remembers the last number; the row itself is not needed.
      tx.run('DELETE FROM lock_tickets WHERE ticket <= ?', ticket)
      const until = [clock.now() + waitMs, clock.uptime() + waitMs, clock.bootId] as const
      for (const key of keys)
        tx.run('INSERT OR IGNORE INTO lock_waits VALUES (?, ?, ?, ?, ?, ?, ?)', ticket, key, peer.id, peer.name, ...until)
      return ticket
    },

    /** Gives up a place; those behind it are rung. */
    leave(tx: Transaction, ticket: number): void {
      remove(tx, tx.all<Wait>('SELECT * FROM lock_waits WHERE ticket = ?', ticket))
    },

    /** Gives up all places of a peer that is gone. */
    leaveAll(tx: Transaction, peerId: string): void {
      remove(tx, tx.all<Wait>('SELECT * FROM lock_waits WHERE peer_id = ?', peerId))
    },
  }
}
