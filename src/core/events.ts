import { waitFor } from './bell.ts'
import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import { newId } from './ids.ts'
import { isoTime } from './iso-time.ts'
import { limitBytes, waitSeconds } from './limits.ts'
import { operation } from './operation.ts'
import type { PathScheme } from './path-scheme.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/**
 * The log of what happened, and who wants to be told. Append-only; `seq` is the order and the cursor.
 * Subscriptions stand in the file, so that every peer knows whom to ring when it writes.
 */

const BUILT_IN_EVENTS = [
  'peer_joined',
  'peer_left',
  'peer_updated',
  'message_received',
  'state_changed',
  'file_locked',
  'file_unlocked',
  'file_changed',
  'leader_elected',
  'database_recovered',
] as const

const MAX_PAYLOAD_BYTES = 64 * 1024
const MAX_TYPES = 32
const MAX_READ = 200
/** With nothing of its own due, a wait looks again this often, should a ring be lost. */
const LOOK_AGAIN_MS = 15_000

const eventType = z.once(() =>
  z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/, 'must be a letter, then up to 63 letters, digits, _ . : -')),
)
const eventTypes = z.once(() => z.array(z.union([z.literal('*'), eventType()])).check(z.maxLength(MAX_TYPES)))

const Payload = z.once(() => z.record(z.string(), z.unknown()))

const Event = z.once(() =>
  z.object({
    id: z.string(),
    seq: z.int(),
    type: z.string(),
    payload: Payload(),
    emittedBy: z.nullable(z.object({ id: z.string(), name: z.string() })),
    createdAt: z.string(),
  }),
)
export type Event = z.infer<ReturnType<typeof Event>>

interface Row {
  seq: number
  id: string
  type: string
  payload: string
  emitted_by: string | null
  emitted_by_name: string | null
  created_at: number
}

const fromRow = (row: Row, shown: PathScheme['heard'], sql: Sql): Event => ({
  id: row.id,
  seq: row.seq,
  type: row.type,
  payload: shown(sql, Payload().parse(JSON.parse(row.payload))),
  emittedBy: row.emitted_by === null ? null : { id: row.emitted_by, name: row.emitted_by_name ?? row.emitted_by },
  createdAt: isoTime(row.created_at),
})

/** Rings one peer's doorbell; called after COMMIT only. */
export type Ring = (target: { peerId: string; socketPath: string }) => void

/**
 * Asks that a peer be rung after COMMIT; several reasons in one batch ring once. Who has no doorbell of its own (a script,
 * somebody at a shell, a peer that is away) is rung at the leader's, where calls and streams on their behalf wait.
 */
export type RingLater = (tx: Transaction, peer: { id: string; socket_path: string | null }) => void

export const ringLater =
  (ring: Ring, isHere?: (sql: Sql, peerId: string) => boolean): RingLater =>
  (tx, { id, socket_path }) => {
    // On another machine everybody looks who is told that the log has grown.
    if (socket_path !== null && isHere && !isHere(tx, id)) return
    const target = socket_path === null ? leaderOf(tx) : { peerId: id, socketPath: socket_path }
    if (target) tx.afterCommit(`ring ${target.peerId}`, () => ring(target))
  }

const leaderOf = (sql: Sql) =>
  sql.get<{ peerId: string; socketPath: string }>(
    'SELECT peer_id AS "peerId", socket_path AS "socketPath" FROM leader WHERE peer_id IS NOT NULL',
  )

export type Events = ReturnType<typeof createEvents>

export function createEvents(database: Storage, clock: Clock, scheme: PathScheme, ring: RingLater) {
  const shown = (rows: readonly Row[]) => database.read((sql) => rows.map((row) => fromRow(row, scheme.heard, sql)))

  /** Writes one event and has its subscribers rung. Returns its seq, which no other event ever has. */
  function append(tx: Transaction, type: string, payload: object, by: { id: string; name: string } | null): number {
    const now = clock.now()
    const { rowid } = tx.run(
      'INSERT INTO events (id, type, payload, emitted_by, emitted_by_name, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      newId('e', now),
      type,
      JSON.stringify(payload),
      by?.id ?? null,
      by?.name ?? null,
      now,
    )
    const subscribers = tx.all<{ id: string; socket_path: string | null }>(
      `SELECT DISTINCT p.id, p.socket_path FROM subscriptions s JOIN peers p ON p.id = s.peer_id
       WHERE s.type IN (?, '*') AND p.live = 1 AND (p.id IS NOT ? OR s.purpose <> 'agent')`,
      type,
      by?.id ?? null,
    )
    for (const subscriber of subscribers) ring(tx, subscriber)
    return rowid
  }

  const lastSeq = (sql: Sql) => sql.get<{ seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`)?.seq ?? 0

  const subscribedTo = (sql: Sql, peerId: string) =>
    sql
      .all<{ type: string }>("SELECT type FROM subscriptions WHERE peer_id = ? AND purpose = 'agent' ORDER BY type", peerId)
      .map((row) => row.type)

  /** Events of those types after `after`, oldest first. Each type is read from its own index, then merged. */
  function after(sql: Sql, after: number, types: readonly string[], limit: number, notBy: string | null): Row[] {
    if (types.includes('*'))
      return sql.all<Row>('SELECT * FROM events WHERE seq > ? AND emitted_by IS NOT ? ORDER BY seq LIMIT ?', after, notBy, limit)
    return [...new Set(types)]
      .flatMap((type) =>
        sql.all<Row>(
          'SELECT * FROM events WHERE type = ? AND seq > ? AND emitted_by IS NOT ? ORDER BY seq LIMIT ?',
          type,
          after,
          notBy,
          limit,
        ),
      )
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit)
  }

  const cursorOf = (sql: Sql, peerId: string) =>
    sql.get<{ seq: number }>('SELECT seq FROM event_cursors WHERE peer_id = ?', peerId)?.seq ?? lastSeq(sql)

  return {
    append,

    async subscriptions(peerId: string): Promise<string[]> {
      return database.read((sql) => subscribedTo(sql, peerId))
    },

    async lastSeq(): Promise<number> {
      return database.read(lastSeq)
    },

    /** Where the log begins; undefined while it is empty. */
    async oldestSeq(): Promise<number | undefined> {
      return database.read((sql) => sql.get<{ seq: number }>('SELECT seq FROM events ORDER BY seq LIMIT 1')?.seq)
    },

    /** The seq of the newest event at or before that moment. */
    async seqAt(timeMs: number): Promise<number> {
      return database.read(
        (sql) => sql.get<{ seq: number | null }>('SELECT max(seq) AS seq FROM events WHERE created_at <= ?', timeMs)?.seq ?? 0,
      )
    },

    /** Events after a cursor, oldest first. `more`: there are further ones now. */
    async readAfter(seq: number, types: readonly string[], limit: number): Promise<{ events: Event[]; more: boolean }> {
      const rows = database.read((sql) => after(sql, seq, types, limit + 1, null))
      return { events: shown(rows.slice(0, limit)), more: rows.length > limit }
    },

    /** The newest events, oldest of them first. `more`: there are older ones. */
    async readLatest(types: readonly string[], limit: number): Promise<{ events: Event[]; more: boolean }> {
      const newest = database.read((sql) =>
        (types.includes('*') ? [null] : [...new Set(types)]).flatMap((type) =>
          type === null
            ? sql.all<Row>('SELECT * FROM events ORDER BY seq DESC LIMIT ?', limit + 1)
            : sql.all<Row>('SELECT * FROM events WHERE type = ? ORDER BY seq DESC LIMIT ?', type, limit + 1),
        ),
      )
      const rows = newest.sort((a, b) => b.seq - a.seq)
      return { events: shown(rows.slice(0, limit).reverse()), more: rows.length > limit }
    },

    /** What a subscriber has not been shown yet, without its own doings; undefined where it subscribed to nothing. */
    async unread(peerId: string, limit: number, beyond = 0): Promise<{ events: Event[]; more: boolean } | undefined> {
      return database.read((sql) => {
        const types = subscribedTo(sql, peerId)
        if (types.length === 0) return undefined
        const rows = after(sql, Math.max(beyond, cursorOf(sql, peerId)), types, limit + 1, peerId)
        return { events: shown(rows.slice(0, limit)), more: rows.length > limit }
      })
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
        return subscribedTo(tx, peerId)
      })
    },

    /** Takes types away (`*` or none: all of that purpose) and returns what the agent is left with. */
    async unsubscribe(peerId: string, types: readonly string[], purpose = 'agent'): Promise<string[]> {
      return database.write((tx) => {
        if (types.length === 0 || types.includes('*'))
          tx.run('DELETE FROM subscriptions WHERE peer_id = ? AND purpose = ?', peerId, purpose)
        for (const type of types)
          tx.run('DELETE FROM subscriptions WHERE peer_id = ? AND type = ? AND purpose = ?', peerId, type, purpose)
        const left = subscribedTo(tx, peerId)
        // Whoever subscribes again later starts at that moment.
        if (left.length === 0) tx.run('DELETE FROM event_cursors WHERE peer_id = ?', peerId)
        return left
      })
    },

    async emit(type: string, payload: object, by: { id: string; name: string }): Promise<{ seq: number }> {
      return database.write((tx) => ({ seq: append(tx, type, payload, by) }))
    },
  }
}

/** An ISO time or a seq, as `since` takes them. */
function parseSince(since: string | number): { seq: number } | { timeMs: number } {
  if (typeof since === 'number' || /^\d{1,15}$/.test(since)) return { seq: Number(since) }
  const timeMs = Date.parse(since)
  if (Number.isNaN(timeMs))
    throw fail('invalid', { operation: 'event.read', issues: ['since: must be an ISO 8601 time or an event seq'] })
  return { timeMs }
}

function customPayload(type: string, payload: Record<string, unknown>): string {
  if ((BUILT_IN_EVENTS as readonly string[]).includes(type))
    throw fail('invalid', {
      operation: 'event.emit',
      issues: [`types: ${type} is built in; emit a name of your own, such as x_${type}`],
    })
  try {
    return JSON.stringify(payload)
  } catch (error) {
    throw fail(
      'invalid',
      { operation: 'event.emit', issues: ['payload: must be plain JSON that is not nested too deeply'] },
      { cause: error },
    )
  }
}

const readOutput = z.once(() =>
  z.object({
    events: z.array(Event()),
    more: z.boolean().check(z.describe('further events are there now')),
    cursor: z.int().check(z.describe('pass as since to go on from here')),
  }),
)

export const eventOperations = {
  'event.read': operation({
    summary: 'Read events: after a cursor, or your unread subscribed ones, or the latest.',
    effect: 'read',
    input: () =>
      z.object({
        types: z.optional(eventTypes()),
        since: z.optional(z.union([z.string().check(z.maxLength(40)), z.int().check(z.minimum(0))])),
        limit: z._default(z.int().check(z.minimum(1), z.maximum(MAX_READ)), 50),
        wait: z._default(waitSeconds(), 0),
      }),
    output: readOutput,
    /**
     * Three ways. `since`: the history after it. Neither `since` nor `types`, and subscribed: what the subscriber has
     * not been shown, each event once. Otherwise the latest; with `wait`, those that come from now on.
     */
    run: async ({ store, actor, bell, clock, signal, afterAnswer }, { types, since, limit, wait }) => {
      const wanted = types ?? ['*']
      const follows = since === undefined && types === undefined && (await store.events.unread(actor.id, 1)) !== undefined
      let start: number | undefined
      if (since !== undefined) {
        const parsed = parseSince(since)
        start = 'seq' in parsed ? parsed.seq : await store.events.seqAt(parsed.timeMs)
      } else if (!follows && wait > 0) start = await store.events.lastSeq()

      const look = async () => {
        if (follows) return (await store.events.unread(actor.id, limit)) ?? { events: [], more: false }
        if (start !== undefined) return store.events.readAfter(start, wanted, limit)
        return store.events.readLatest(wanted, limit)
      }
      // Without a subscription of its own, a wait must see to it that it is rung.
      const purpose = !follows && wait > 0 ? newId('e', clock.now()) : null
      if (purpose) await store.events.subscribe(actor.id, wanted, purpose)
      const found = await waitFor(bell, clock, wait * 1000, signal, async () => {
        const answer = await look()
        return answer.events.length > 0 || wait === 0 ? { found: answer } : { again: LOOK_AGAIN_MS }
      }).finally(() => purpose && store.events.unsubscribe(actor.id, [], purpose))
      const { events, more } = found ?? { events: [], more: false }
      const last = events.at(-1)?.seq ?? start ?? (await store.events.lastSeq())
      if (follows && events.length > 0)
        afterAnswer(async (left) => {
          if (left) await store.events.shown(actor.id, last)
          else await store.events.unshow(actor.id, (events[0]?.seq ?? last) - 1)
        })
      return { events, more, cursor: last }
    },
  }),

  'event.subscribe': operation({
    summary: 'Be told of events of these types (* = all).',
    effect: 'write',
    input: () => z.object({ types: eventTypes().check(z.minLength(1)) }),
    output: () => z.object({ subscribed: z.array(z.string()) }),
    run: async ({ store, actor }, { types }) => ({ subscribed: await store.events.subscribe(actor.id, types) }),
  }),

  'event.unsubscribe': operation({
    summary: 'No longer be told (no types: of any).',
    effect: 'write',
    input: () => z.object({ types: z._default(eventTypes(), []) }),
    output: () => z.object({ subscribed: z.array(z.string()) }),
    run: async ({ store, actor }, { types }) => ({ subscribed: await store.events.unsubscribe(actor.id, types) }),
  }),

  'event.emit': operation({
    summary: 'Announce something of your own.',
    effect: 'write',
    input: () => z.object({ types: z.array(eventType()).check(z.length(1)), payload: z._default(Payload(), {}) }),
    output: () => z.object({ seq: z.int() }),
    run: async ({ store, actor }, { types, payload }) => {
      const type = types[0] ?? ''
      limitBytes('payload', customPayload(type, payload), MAX_PAYLOAD_BYTES)
      return store.events.emit(type, payload, actor)
    },
  }),
}
