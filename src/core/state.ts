import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import { isoTime } from './iso-time.ts'
import { limitBytes, line, text } from './limits.ts'
import { type Actor, operation } from './operation.ts'
import { tried } from './rehearsal.ts'
import * as z from './schema.ts'
import type { Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/**
 * Shared values under namespaces. A version is the seq of the change's event: it only grows, has gaps, and does not
 * start anew after a delete, so that a compare-and-set can never mistake a new value for an old one.
 */

const MAX_VALUE_BYTES = 256 * 1024
const MAX_ENTRIES = 10_000
const MAX_LISTED = 200
/** Values in a list are only shown while they are short: a list is for finding, get is for reading. */
const MAX_LISTED_BYTES = 32 * 1024

const key = z.once(() => line(512))
const namespace = z.once(() => z._default(line(128), 'default'))
const version = z.once(() => z.int().check(z.minimum(0)))

const Entry = z.once(() =>
  z.object({
    key: z.string(),
    namespace: z.string(),
    value: z.string(),
    version: z.int(),
    updatedBy: z.object({ id: z.string(), name: z.string() }),
    updatedAt: z.string(),
  }),
)
export type Entry = z.infer<ReturnType<typeof Entry>>

interface Row {
  namespace: string
  key: string
  value: string
  version: number
  updated_by: string
  updated_by_name: string
  updated_at: number
}

const fromRow = (row: Row): Entry => ({
  key: row.key,
  namespace: row.namespace,
  value: row.value,
  version: row.version,
  updatedBy: { id: row.updated_by, name: row.updated_by_name },
  updatedAt: isoTime(row.updated_at),
})

const SELECT = 'SELECT * FROM state WHERE namespace = ? AND key = ?'

export type SharedState = ReturnType<typeof createState>

export function createState(database: Storage, clock: Clock, events: Events) {
  function expect(row: Row | undefined, name: { namespace: string; key: string }, expected: number | undefined): void {
    const actual = row?.version ?? 0
    if (expected !== undefined && expected !== actual)
      throw fail('version_conflict', { ...name, expected, actual, updatedBy: row?.updated_by_name ?? null })
  }

  /** Throws `full`. */
  function put(tx: Transaction, before: Row | undefined, entry: Omit<Row, 'version'>, by: { id: string; name: string }): Row {
    const { namespace, key } = entry
    if (!before) {
      const held = tx.get<{ entries: number }>('SELECT entries FROM namespaces WHERE name = ?', namespace)?.entries ?? 0
      if (held >= MAX_ENTRIES) throw fail('full', { what: `namespace ${namespace}`, limit: MAX_ENTRIES })
    }
    const payload = { namespace, key, change: before ? 'updated' : 'created', was: before?.version ?? 0 }
    const version = events.append(tx, 'state_changed', payload, by)
    const row = tx.get<Row>(
      `INSERT INTO state VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value,
         version = excluded.version, updated_by = excluded.updated_by, updated_by_name = excluded.updated_by_name,
         updated_at = excluded.updated_at RETURNING *`,
      namespace,
      key,
      entry.value,
      version,
      entry.updated_by,
      entry.updated_by_name,
      entry.updated_at,
    )
    if (!row) throw new Error('an upsert returned no row')
    return row
  }

  return {
    async get(namespace: string, key: string): Promise<Entry | undefined> {
      const row = database.read((sql) => sql.get<Row>(SELECT, namespace, key))
      return row && fromRow(row)
    },

    /** Throws `version_conflict` unless the entry is at `ifVersion` (0: does not exist), and `full`. */
    async set(actor: Actor, namespace: string, key: string, value: string, ifVersion?: number): Promise<Entry> {
      return database.write((tx) => {
        const before = tx.get<Row>(SELECT, namespace, key)
        expect(before, { namespace, key }, ifVersion)
        const by = { updated_by: actor.id, updated_by_name: actor.name, updated_at: clock.now() }
        return fromRow(put(tx, before, { namespace, key, value, ...by }, actor))
      })
    },

    /**
     * An entry of another mesh, with who changed it last, and when. Another value that is here already stays, unless it is
     * to be replaced. Throws `full`.
     */
    async bring(
      by: { id: string; name: string },
      { namespace, key, value, updatedBy, updatedAt }: Omit<Entry, 'version'>,
      { replace, isReal }: { replace: boolean; isReal: boolean },
    ): Promise<'created' | 'replaced' | 'same' | 'kept'> {
      return tried(database, isReal, (tx) => {
        const before = tx.get<Row>(SELECT, namespace, key)
        if (before?.value === value) return 'same'
        if (before && !replace) return 'kept'
        const last = { updated_by: updatedBy.id, updated_by_name: updatedBy.name, updated_at: Date.parse(updatedAt) }
        put(tx, before, { namespace, key, value, ...last }, by)
        return before ? 'replaced' : 'created'
      })
    },

    /** Entries of all namespaces behind that one, in the order of namespaces and keys. */
    async after(last: { namespace: string; key: string }, limit: number): Promise<Entry[]> {
      return database.read((sql) =>
        sql
          .all<Row>(
            'SELECT * FROM state WHERE (namespace, key) > (?, ?) ORDER BY namespace, key LIMIT ?',
            last.namespace,
            last.key,
            limit,
          )
          .map(fromRow),
      )
    },

    /** The entry that was deleted. Throws `not_found` or `version_conflict`. */
    async delete(actor: Actor, namespace: string, key: string, ifVersion?: number): Promise<Entry> {
      return database.write((tx) => {
        const before = tx.get<Row>(SELECT, namespace, key)
        expect(before, { namespace, key }, ifVersion)
        if (!before) throw fail('not_found', { what: `entry in namespace ${namespace}`, id: key })
        tx.run('DELETE FROM state WHERE namespace = ? AND key = ?', namespace, key)
        events.append(tx, 'state_changed', { namespace, key, change: 'deleted', was: before.version }, actor)
        return fromRow(before)
      })
    },

    /** Entries in key order whose key begins with `prefix`. The byte ff comes after every character of UTF-8. */
    async list(namespace: string, prefix: string, limit: number): Promise<Entry[]> {
      const rows = database.read((sql) =>
        sql.all<Row>(
          `SELECT * FROM state WHERE namespace = ? AND key >= ? AND key < ? || CAST(x'ff' AS TEXT) ORDER BY key LIMIT ?`,
          namespace,
          prefix,
          prefix,
          limit,
        ),
      )
      return rows.map(fromRow)
    },
  }
}

export const stateOperations = {
  'state.get': operation({
    summary: 'Read a shared value.',
    effect: 'read',
    input: () => z.object({ key: key(), namespace: namespace() }),
    output: () => z.object({ entry: Entry() }),
    run: async ({ store }, { key, namespace }) => {
      const entry = await store.state.get(namespace, key)
      if (!entry) throw fail('not_found', { what: `entry in namespace ${namespace}`, id: key })
      return { entry }
    },
  }),

  'state.set': operation({
    summary: 'Write a shared value; ifVersion makes it compare-and-set (0: only if new).',
    effect: 'write',
    input: () => z.object({ key: key(), namespace: namespace(), value: text(), ifVersion: z.optional(version()) }),
    output: () => z.object({ entry: Entry() }),
    run: async ({ store, actor }, { key, namespace, value, ifVersion }) => {
      limitBytes('value', value, MAX_VALUE_BYTES)
      return { entry: await store.state.set(actor, namespace, key, value, ifVersion) }
    },
  }),

  'state.list': operation({
    summary: 'List a namespace; long values are cut.',
    effect: 'read',
    input: () => z.object({ namespace: namespace(), prefix: z._default(text(512), '') }),
    output: () => z.object({ entries: z.array(z.extend(Entry(), { cut: z.optional(z.boolean()) })), more: z.boolean() }),
    run: async ({ store }, { namespace, prefix }) => {
      const found = await store.state.list(namespace, prefix, MAX_LISTED + 1)
      let left = MAX_LISTED_BYTES
      const entries = found.slice(0, MAX_LISTED).map((entry) => {
        const room = Math.max(0, Math.min(1024, left))
        left -= Math.min(room, entry.value.length)
        return entry.value.length <= room ? entry : { ...entry, value: cutAt(entry.value, room), cut: true }
      })
      return { entries, more: found.length > MAX_LISTED }
    },
  }),

  'state.delete': operation({
    summary: 'Delete a shared value.',
    effect: 'write',
    input: () => z.object({ key: key(), namespace: namespace(), ifVersion: z.optional(version()) }),
    output: () => z.object({ entry: Entry() }),
    run: async ({ store, actor }, { key, namespace, ifVersion }) => ({
      entry: await store.state.delete(actor, namespace, key, ifVersion),
    }),
  }),
}

/** The first `chars` UTF-16 units, without half of a surrogate pair at the end. */
const cutAt = (value: string, chars: number) => value.slice(0, chars).replace(/[\ud800-\udbff]$/, '')
