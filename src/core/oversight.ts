import type { Clock } from './clock.ts'
import { isoTime } from './iso-time.ts'
import { isOver } from './lifetime.ts'
import { type LockRow, fromRow as toLock } from './lock.ts'
import { overlapping, type Wait } from './lock-line.ts'
import { type Message, type MessageRow, fromRow as toMessage } from './message.ts'
import type { PathScheme } from './path-scheme.ts'
import type { Peer, PeerRow } from './peer.ts'
import type { Peers } from './peers.ts'
import { sleep } from './scope.ts'
import type { Sql } from './sql.ts'
import type { Storage } from './storage.ts'

/** What somebody who oversees the mesh sees of it: everybody's locks and who waits for them, and everybody's mail. Reads only. */

/** Mailboxes without a process, those left last. */
const MAX_AWAY = 200
const MAX_LOCKS = 1_000
/** A search looks at so many messages at a time, between which others have their turn, and at so many in all. */
const LOOK_AT = 500
const MAX_LOOKED_AT = 20_000

export interface OverseenPeer extends Peer {
  readonly kind: 'session' | 'script' | 'headless' | 'known'
  /** Messages that it has not read. */
  readonly unread: number
}

export interface OverseenLock {
  readonly filePath: string
  readonly holder: { readonly id: string; readonly name: string }
  /** The machine of its holder, where that is another. */
  readonly host?: string | undefined
  readonly lockedAt: string
  readonly expiresAt: string
  readonly reason: string
  readonly token: number
  /** First come, first served. */
  readonly waiters: readonly { readonly id: string; readonly name: string; readonly until: string }[]
}

export interface MessageQuery {
  /** Of those before this seq, the newest first; without either, of all. */
  readonly before?: number | undefined
  /** Of those after this seq, the oldest first. */
  readonly after?: number | undefined
  /** From or to this peer, by id or name. */
  readonly peer?: string | undefined
  readonly thread?: string | undefined
  /** Somewhere in the text or in one of the two names, in capitals or not. */
  readonly text?: string | undefined
  readonly limit: number
}

export interface MessagesFound {
  readonly messages: readonly (Message & { readonly seq: number })[]
  readonly more: boolean
  /** Where to go on, as `before` or `after`; null where there is no more. */
  readonly next: number | null
}

export type Oversight = ReturnType<typeof createOversight>

export function createOversight(database: Storage, clock: Clock, peers: Peers, scheme: PathScheme) {
  function waitersOf(sql: Sql, lock: LockRow): OverseenLock['waiters'] {
    const waits = overlapping<Wait>(sql, 'lock_waits', lock.path_key)
      .filter((wait) => wait.peer_id !== lock.holder_id && !isOver(wait.until_uptime, wait.boot_id, clock))
      .sort((a, b) => a.ticket - b.ticket)
    // One ticket may wait for several files below one locked directory.
    const tickets = new Map(waits.map((wait) => [wait.ticket, wait]))
    return [...tickets.values()].map(({ peer_id, peer_name, until_at }) => ({
      ...{ id: peer_id, name: peer_name },
      until: isoTime(until_at),
    }))
  }

  /** The next rows in the order that is asked for, through the index that fits. */
  function rowsOf(sql: Sql, query: MessageQuery, from: number, count: number): MessageRow[] {
    const { thread } = query
    const [side, order] = query.after === undefined ? (['<', 'DESC'] as const) : (['>', 'ASC'] as const)
    const rest = `seq ${side} ? ORDER BY seq ${order} LIMIT ?`
    if (query.peer === undefined)
      return thread === undefined
        ? sql.all<MessageRow>(`SELECT * FROM messages WHERE ${rest}`, from, count)
        : sql.all<MessageRow>(`SELECT * FROM messages WHERE thread = ? AND ${rest}`, thread, from, count)
    const peer = sql.get<{ id: string }>('SELECT id FROM peers WHERE name = ?', query.peer)?.id ?? query.peer
    if (thread !== undefined)
      return sql.all<MessageRow>(
        `SELECT * FROM messages INDEXED BY messages_thread WHERE thread = ? AND (sender_id = ? OR recipient_id = ?) AND ${rest}`,
        thread,
        peer,
        peer,
        from,
        count,
      )
    const found = (['sender', 'recipient'] as const).flatMap((end) =>
      sql.all<MessageRow>(`SELECT * FROM messages INDEXED BY messages_${end} WHERE ${end}_id = ? AND ${rest}`, peer, from, count),
    )
    const once = [...new Map(found.map((row) => [row.seq, row])).values()]
    return once.sort((a, b) => (order === 'ASC' ? a.seq - b.seq : b.seq - a.seq)).slice(0, count)
  }

  return {
    async peers(): Promise<OverseenPeer[]> {
      return database.read((sql) =>
        [
          ...sql.all<PeerRow>('SELECT * FROM peers WHERE live = 1 ORDER BY started_at, id'),
          ...sql.all<PeerRow>(`SELECT * FROM peers WHERE live = 0 AND kind = 'known' ORDER BY id`),
          ...sql.all<PeerRow>(
            `SELECT * FROM peers WHERE live = 0 AND kind <> 'known' ORDER BY left_at DESC, id LIMIT ?`,
            MAX_AWAY,
          ),
        ].map((row) => ({
          ...peers.toPeer(row),
          kind: row.kind as OverseenPeer['kind'], // what the schema says it is
          unread: row.unread,
        })),
      )
    },

    /** Every lock that stands, in the order of their paths, with those who wait for it or for something in it. */
    async locks(): Promise<OverseenLock[]> {
      return database.read((sql) =>
        sql
          .all<LockRow>('SELECT * FROM locks ORDER BY path_key LIMIT ?', MAX_LOCKS)
          .filter((row) => !isOver(row.expires_uptime, row.boot_id, clock))
          .map((row) => {
            const { lockedBy, ...lock } = toLock(row, scheme.shown(sql, row, null))
            return { ...lock, holder: lockedBy, waiters: waitersOf(sql, row) }
          }),
      )
    },

    async namespaces(): Promise<{ namespace: string; keys: number }[]> {
      return database.read((sql) =>
        sql.all<{ namespace: string; keys: number }>('SELECT name AS namespace, entries AS keys FROM namespaces ORDER BY name'),
      )
    },

    /** Of everybody's mail. A search that has looked at many without finding enough says where to go on. */
    async messages(query: MessageQuery): Promise<MessagesFound> {
      const wanted = query.text?.toLowerCase() ?? ''
      const fits = (row: MessageRow) =>
        wanted === '' || [row.payload, row.sender_name, row.recipient_name].some((text) => text.toLowerCase().includes(wanted))
      const found: MessageRow[] = []
      let from = query.after ?? query.before ?? Number.MAX_SAFE_INTEGER
      for (let looked = 0; looked < MAX_LOOKED_AT; looked += LOOK_AT) {
        const count = wanted === '' ? query.limit + 1 : LOOK_AT
        const rows = database.read((sql) => rowsOf(sql, query, from, count))
        for (const row of rows) {
          if (!fits(row)) continue
          if (found.length === query.limit) return page(found, found.at(-1)?.seq ?? from)
          found.push(row)
        }
        if (rows.length < count) return page(found, null)
        from = rows.at(-1)?.seq ?? from
        await sleep(0)
      }
      return page(found, from)
    },
  }
}

const page = (rows: readonly MessageRow[], next: number | null): MessagesFound => ({
  messages: rows.map((row) => ({ seq: row.seq, ...toMessage(row) })),
  more: next !== null,
  next,
})
