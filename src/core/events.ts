import { waitFor } from './bell.ts'
import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import { Event, type EventRow, fromRow, Payload } from './event.ts'
import { newId } from './ids.ts'
import { limitBytes, waitSeconds } from './limits.ts'
import { operation } from './operation.ts'
import type { PathScheme } from './path-scheme.ts'
import type { RingLater } from './ring.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'
import { createSubscriptions, lastSeq } from './subscriptions.ts'

/** The log of what happened. Append-only; `seq` is the order and the cursor. Who wants to be told is subscriptions.ts. */

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

export type Events = ReturnType<typeof createEvents>

export function createEvents(database: Storage, clock: Clock, scheme: PathScheme, ring: RingLater) {
  const subscriptions = createSubscriptions(database, clock)
  const shown = (rows: readonly EventRow[]) => database.read((sql) => rows.map((row) => fromRow(row, scheme.heard, sql)))

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
    for (const subscriber of subscriptions.subscribers(tx, type, by?.id ?? null)) ring(tx, subscriber)
    return rowid
  }

  /** Events of those types after `after`, oldest first. Each type is read from its own index, then merged. */
  function after(sql: Sql, after: number, types: readonly string[], limit: number, notBy: string | null): EventRow[] {
    if (types.includes('*'))
      return sql.all<EventRow>(
        'SELECT * FROM events WHERE seq > ? AND emitted_by IS NOT ? ORDER BY seq LIMIT ?',
        after,
        notBy,
        limit,
      )
    return [...new Set(types)]
      .flatMap((type) =>
        sql.all<EventRow>(
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

  return {
    append,
    ...subscriptions.verbs,

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
            ? sql.all<EventRow>('SELECT * FROM events ORDER BY seq DESC LIMIT ?', limit + 1)
            : sql.all<EventRow>('SELECT * FROM events WHERE type = ? ORDER BY seq DESC LIMIT ?', type, limit + 1),
        ),
      )
      const rows = newest.sort((a, b) => b.seq - a.seq)
      return { events: shown(rows.slice(0, limit).reverse()), more: rows.length > limit }
    },

    /** What a subscriber has not been shown yet, without its own doings; undefined where it subscribed to nothing. */
    async unread(peerId: string, limit: number, beyond = 0): Promise<{ events: Event[]; more: boolean } | undefined> {
      return database.read((sql) => {
        const types = subscriptions.typesOf(sql, peerId)
        if (types.length === 0) return undefined
        const rows = after(sql, Math.max(beyond, subscriptions.cursorOf(sql, peerId)), types, limit + 1, peerId)
        return { events: shown(rows.slice(0, limit)), more: rows.length > limit }
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
