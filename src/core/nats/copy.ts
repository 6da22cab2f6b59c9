import { fail } from '../errors.ts'
import { newId } from '../ids.ts'
import { bootOn, hostOf } from '../lifetime.ts'
import type { Sql, Transaction } from '../sql.ts'
import type { Database } from '../sqlite/database.ts'
import { KNOWN_SCHEMA } from '../sqlite/migrate.ts'
import { isRefused } from '../sqlite/sqlite-errors.ts'
import { type Entry, tableOf } from './entry.ts'
import { checkOf } from './recorder.ts'

/**
 * This machine's copy of the mesh: the file that one machine would have, and how far in the log it is. Whichever process of
 * the machine is first applies an entry; its place in the log is part of the same transaction, so that none is applied twice.
 */

/** Made in copies only. `hosts` is the mesh's, the others are this machine's. */
const TABLES = `
  -- One row a machine that takes part: its name, its present boot, and the last sign of life that it has written.
  CREATE TABLE IF NOT EXISTS hosts (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    beat    TEXT NOT NULL,                        -- another one each time
    uptime  INTEGER NOT NULL,                     -- by its own boot clock: nobody else's business
    at      INTEGER NOT NULL                      -- by its own wall clock, to be shown
  ) WITHOUT ROWID;
  -- Where in which log this copy is.
  CREATE TABLE IF NOT EXISTS copy_position (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    stream TEXT NOT NULL,                         -- when the stream was made: another one is another mesh
    seq    INTEGER NOT NULL,
    entry  TEXT                                   -- the id of the entry there; null: nothing yet
  );
  -- The last ones, by which a writer finds its own.
  CREATE TABLE IF NOT EXISTS copy_entries (
    seq   INTEGER PRIMARY KEY,
    id    TEXT NOT NULL UNIQUE,
    bytes INTEGER NOT NULL
  );
  -- When this machine saw each machine's last beat, by its own boot clock.
  CREATE TABLE IF NOT EXISTS copy_sightings (
    host_id TEXT PRIMARY KEY,
    beat    TEXT NOT NULL,
    uptime  INTEGER NOT NULL,
    boot_id TEXT NOT NULL
  ) WITHOUT ROWID;
`

/** So many entries are remembered by id: more than can pass while a writer wonders. */
const REMEMBERED = 20_000

export interface Position {
  readonly stream: string
  readonly seq: number
  readonly entry: string | null
}

export interface Delivered {
  readonly seq: number
  readonly bytes: number
  readonly entry: Entry
}

/** What this copy has is not what the log says: it has to be made anew. */
export class Diverged extends Error {}
/** Something is missing between the copy and what was delivered: it has to be delivered again, from the copy's place on. */
export class Gap extends Diverged {}

const placeIn = (sql: Sql) => sql.get<Position>('SELECT stream, seq, entry FROM copy_position WHERE id = 1')

/** Whether the copy is still there where it was seen; nowhere, where it was new. */
function isWhere(sql: Sql, seen: Position | undefined): boolean {
  const now = placeIn(sql)
  return now?.stream === seen?.stream && now?.seq === seen?.seq && now?.entry === seen?.entry
}

export const positionOf = (sql: Sql): Position => {
  const row = placeIn(sql)
  if (!row) throw new Diverged('the copy has no place in the log')
  return row
}

export type Copy = ReturnType<typeof createCopy>

export function createCopy(database: Database, clock: { uptime(): number; readonly bootId: string }) {
  const position = () => database.read(positionOf)

  /** Makes the tables where they are missing. True where the copy is a new one, and holds nothing of the mesh. */
  async function prepare(): Promise<boolean> {
    return database.write((tx) => {
      for (const statement of statementsOf(TABLES)) tx.run(statement)
      return tx.get('SELECT 1 FROM copy_position') === undefined
    })
  }

  function applyOne(tx: Transaction, { seq, bytes, entry }: Delivered): boolean {
    const at = positionOf(tx)
    if (seq <= at.seq) return false
    if (entry.after !== at.entry) throw new Gap(`entry ${seq} follows ${entry.after}, and this copy is at ${at.entry}`)
    if (entry.schema > KNOWN_SCHEMA) throw fail('schema_newer', { path: database.path, found: entry.schema, known: KNOWN_SCHEMA })
    let changed = 0
    for (const [text, ...values] of entry.statements) {
      if (RETURNS.test(text)) tx.all(text, ...values)
      else changed += tx.run(text, ...values).changes
    }
    if (checkOf(tx, changed) !== entry.check) throw new Diverged(`entry ${seq} does something else here`)
    tx.run('UPDATE copy_position SET seq = ?, entry = ?', seq, entry.id)
    tx.run('INSERT INTO copy_entries VALUES (?, ?, ?)', seq, entry.id, bytes)
    tx.run('DELETE FROM copy_entries WHERE seq <= ?', seq - REMEMBERED)
    if (entry.statements.some(([text]) => tableOf(text) === 'hosts')) look(tx)
    return true
  }

  /** Notes when a beat was first seen here. */
  function look(tx: Transaction): void {
    tx.run(
      `INSERT INTO copy_sightings SELECT id, beat, ?, ? FROM hosts WHERE true ON CONFLICT (host_id) DO UPDATE
         SET beat = excluded.beat, uptime = excluded.uptime, boot_id = excluded.boot_id WHERE beat <> excluded.beat`,
      clock.uptime(),
      clock.bootId,
    )
    tx.run('DELETE FROM copy_sightings WHERE host_id NOT IN (SELECT id FROM hosts)')
  }

  return {
    prepare,
    position,

    /** Applies those that have not been, in the order of the log. Throws `Diverged`, and what writing throws. */
    async apply(entries: readonly Delivered[]): Promise<void> {
      const last = entries.at(-1)
      if (!last || position().seq >= last.seq) return
      try {
        await database.write((tx) => {
          for (const entry of entries) applyOne(tx, entry)
        })
      } catch (error) {
        if (!isRefused(error)) throw error
        // Another file has taken its place, and nobody has made a copy of that one yet.
        if (/no such table: copy_/.test(String(error))) throw new Gap('the file is no copy of the mesh')
        throw new Diverged(`an entry cannot be run here: ${error}`)
      }
    },

    /** Whether that entry has been applied, which is to say: is in the log. */
    has: (sql: Sql, id: string) => sql.get('SELECT 1 FROM copy_entries WHERE id = ?', id) !== undefined,

    /** What the log has grown by since: how much there is to be replaced by a snapshot. */
    since: (seq: number) =>
      database.read((sql) =>
        sql.get<{ entries: number; bytes: number }>(
          'SELECT count(*) AS entries, coalesce(sum(bytes), 0) AS bytes FROM copy_entries WHERE seq > ?',
          seq,
        ),
      ) ?? { entries: 0, bytes: 0 },

    /** Empties the copy: whatever it held is not what the log says. What is of this machine alone stays. */
    async empty(stream: string, seen: Position | undefined): Promise<void> {
      await database.write((tx) => {
        if (!isWhere(tx, seen)) return
        keepingBeats(tx, hostOf(clock.bootId), () => {
          wipe(tx)
          tx.run(KNOWN_SENDERS)
        })
        place(tx, { stream, seq: 0, entry: null })
        look(tx)
      })
    },

    /** Takes over what stands in the file that is attached as `snapshot`, in one transaction. */
    async load(stream: string, seen: Position | undefined): Promise<void> {
      await database.write((tx) => {
        if (!isWhere(tx, seen)) return
        keepingBeats(tx, hostOf(clock.bootId), () => {
          wipe(tx)
          for (const table of [...PARENTS, ...CHILDREN]) {
            const columns = tx.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}', 'snapshot')`)
            const names = columns.map(({ name }) => `"${name}"`).join(', ')
            if (names !== '') tx.run(`INSERT INTO main.${table} (${names}) SELECT ${names} FROM snapshot.${table}`)
          }
          // What triggers have counted on the way is counted in the snapshot already.
          tx.run('UPDATE peers SET (unread, queued) = (SELECT unread, queued FROM snapshot.peers s WHERE s.id = peers.id)')
          for (const table of COUNTED) {
            tx.run(`DELETE FROM main.${table}`)
            tx.run(`INSERT INTO main.${table} SELECT * FROM snapshot.${table}`)
          }
          tx.run('DELETE FROM main.sqlite_sequence')
          tx.run('INSERT INTO main.sqlite_sequence SELECT * FROM snapshot.sqlite_sequence')
          tx.run('INSERT INTO main.copy_entries SELECT * FROM snapshot.copy_entries')
        })
        const at = tx.get<Position>('SELECT stream, seq, entry FROM snapshot.copy_position WHERE id = 1')
        if (!at) throw new Diverged('the snapshot has no place in the log')
        place(tx, { ...at, stream })
        look(tx)
      })
    },
  }
}

const RETURNS = /\bRETURNING\b/i

/** In the order in which they refer to each other. */
const PARENTS = ['peers', 'events', 'state', 'locks', 'touches', 'hosts', 'lock_tickets']
const CHILDREN = ['subscriptions', 'event_cursors', 'messages', 'lock_waits', 'edit_news']
/** Kept by triggers. */
const COUNTED = ['totals', 'namespaces', 'delivery_latency']
export const SHARED_TABLES = [...PARENTS, ...CHILDREN, ...COUNTED]

function wipe(tx: Transaction): void {
  for (const table of [...CHILDREN, ...PARENTS]) tx.run(`DELETE FROM main.${table}`)
  tx.run('DELETE FROM main.copy_entries')
  // As the migrations leave them.
  tx.run('DELETE FROM main.namespaces')
  tx.run('UPDATE main.totals SET value = 0')
  tx.run('UPDATE main.delivery_latency SET count = 0')
  tx.run('DELETE FROM main.sqlite_sequence')
}

/** Who is there from the first moment on, by a migration. */
const KNOWN_SENDERS = `
  INSERT INTO main.peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime) VALUES
    ('cli', 'cli', 'known', 'human', '', 0, 0, 0, 0), ('dashboard', 'dashboard', 'known', 'human', '', 0, 0, 0, 0)`

const place = (tx: Transaction, { stream, seq, entry }: Position) =>
  tx.run('INSERT OR REPLACE INTO copy_position VALUES (1, ?, ?, ?)', stream, seq, entry)

/** Beats of this machine's peers are its own, and a snapshot's are old. */
function keepingBeats(tx: Transaction, host: string, change: () => void): void {
  const beats = tx.all<{ id: string; heartbeat_at: number; heartbeat_uptime: number }>(
    'SELECT id, heartbeat_at, heartbeat_uptime FROM peers WHERE live = 1 AND substr(boot_id, 1, ?) = ?',
    host.length + 1,
    bootOn(host, ''),
  )
  change()
  for (const { id, heartbeat_at, heartbeat_uptime } of beats)
    tx.run('UPDATE peers SET heartbeat_at = ?, heartbeat_uptime = ? WHERE id = ?', heartbeat_at, heartbeat_uptime, id)
}

const statementsOf = (script: string) =>
  script
    .replaceAll(/--[^\n]*/g, '')
    .split(';')
    .filter((text) => text.trim() !== '')

/** A name for an entry that no other has. */
export const newEntryId = (nowMs: number) => newId('e', nowMs)
