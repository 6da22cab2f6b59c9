import type { Clock } from './clock.ts'
import type { Sql } from './sql.ts'
import type { Storage } from './storage.ts'

/**
 * Who wants to be told of which events, and how much of them it has been shown. Both stand in the file: every peer knows whom
 * to ring when it writes.
 */

export const lastSeq = (sql: Sql) => sql.get<{ seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`)?.seq ?? 0

export function createSubscriptions(database: Storage, clock: Clock) {
  const typesOf = (sql: Sql, peerId: string) =>
    sql
      .all<{ type: string }>("SELECT type FROM subscriptions WHERE peer_id = ? AND purpose = 'agent' ORDER BY type", peerId)
      .map((row) => row.type)

  const cursorOf = (sql: Sql, peerId: string) =>
    sql.get<{ seq: number }>('SELECT seq FROM event_cursors WHERE peer_id = ?', peerId)?.seq ?? lastSeq(sql)

  /** Whom that event rings, which `byId` has caused. */
  const subscribers = (sql: Sql, type: string, byId: string | null) =>
    sql.all<{ id: string; socket_path: string | null }>(
      `SELECT DISTINCT p.id, p.socket_path FROM subscriptions s JOIN peers p ON p.id = s.peer_id
       WHERE s.type IN (?, '*') AND p.live = 1 AND (p.id IS NOT ? OR s.purpose <> 'agent')`,
      type,
      byId,
    )

  return {
    typesOf,
    cursorOf,
    subscribers,

    verbs: {
      async subscriptions(peerId: string): Promise<string[]> {
        return database.read((sql) => typesOf(sql, peerId))
      },

      /** Forgets that a subscriber has been shown what came after `seq`: it dropped the answer. */
      async unshow(peerId: string, seq: number): Promise<void> {
        await database.write((tx) => tx.run('UPDATE event_cursors SET seq = min(seq, ?) WHERE peer_id = ?', seq, peerId))
      },

      /** Remembers that a subscriber has been shown the log up to `seq`. Never goes back. */
      async shown(peerId: string, seq: number): Promise<void> {
        await database.write((tx) => {
          tx.run(
            'INSERT INTO event_cursors VALUES (?, ?) ON CONFLICT (peer_id) DO UPDATE SET seq = max(seq, excluded.seq)',
            peerId,
            seq,
          )
        })
      },

      /**
       * Adds types and returns what the agent is subscribed to. The first subscription starts at the present, not at
       * the beginning. A `purpose` other than the agent's own only rings, and ends with the process.
       */
      async subscribe(peerId: string, types: readonly string[], purpose = 'agent'): Promise<string[]> {
        return database.write((tx) => {
          for (const type of types)
            tx.run('INSERT OR IGNORE INTO subscriptions VALUES (?, ?, ?, ?)', peerId, type, purpose, clock.now())
          if (purpose === 'agent') tx.run('INSERT OR IGNORE INTO event_cursors VALUES (?, ?)', peerId, lastSeq(tx))
          return typesOf(tx, peerId)
        })
      },

      /** Takes types away (`*` or none: all of that purpose) and returns what the agent is left with. */
      async unsubscribe(peerId: string, types: readonly string[], purpose = 'agent'): Promise<string[]> {
        return database.write((tx) => {
          if (types.length === 0 || types.includes('*'))
            tx.run('DELETE FROM subscriptions WHERE peer_id = ? AND purpose = ?', peerId, purpose)
          for (const type of types)
            tx.run('DELETE FROM subscriptions WHERE peer_id = ? AND type = ? AND purpose = ?', peerId, type, purpose)
          const left = typesOf(tx, peerId)
          // Whoever subscribes again later starts at that moment.
          if (left.length === 0) tx.run('DELETE FROM event_cursors WHERE peer_id = ?', peerId)
          return left
        })
      },
    },
  }
}
