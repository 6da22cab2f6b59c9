import { monotonicMs } from '../clock.ts'
import type { Sql, Value } from '../sql.ts'

/**
 * What can still be read of a damaged file goes into a new one: mailboxes, mail, state, locks, subscriptions. Not the log of
 * events, nor who waited in line. Rows are read in the order in which they are stored, from both ends towards what cannot
 * be read, and go where nothing stands yet, so that several sources may be tried one after the other. SQLite has no
 * checksums: what a row says is taken as it is, so long as its columns are of the kind that they should be.
 */

/** How many of each were brought over. */
export interface Saved {
  readonly peers: number
  readonly messages: number
  /** Of the messages. */
  readonly unread: number
  readonly state: number
  readonly locks: number
}

export interface Salvage {
  readonly saved: Saved
  /** Nothing that was asked for was unreadable, or left for want of time. */
  readonly isWhole: boolean
}

interface Part {
  readonly table: string
  /** What orders its rows, and tells them apart. */
  readonly key: string
  readonly isText?: true
  readonly where?: string
  /** What the new file counts or decides by itself. */
  readonly reset?: Readonly<Record<string, Value>>
  /** Text of others, which may be anything. */
  readonly free?: string
}

/** No other text of ours has control characters; the last one is what becomes of bytes that are no UTF-8. */
const isPlain = (value: Value | undefined) => typeof value !== 'string' || !/[\p{Cc}\uFFFD]/u.test(value)

/**
 * What is seen to be spoilt is left behind: a mailbox under another id or name would keep its owner from taking it up again,
 * and without one, its owner makes it anew.
 */
const isOurs = ({ table, free }: Part, row: Row) =>
  (table !== 'peers' || /^(?:p_[0-9a-z]{19}|[a-z]{1,20})$/.test(String(row.id))) &&
  Object.entries(row).every(([name, value]) => name === free || isPlain(value))

const UNREAD = 'seen_at IS NULL AND expired_at IS NULL'
/** A message's way: triggers count each step, so that it goes it again. */
const STEPS = { notified_at: null, notified_by: null, seen_at: null, acked_at: null } as const

/** What is missed most comes first. */
const parts: readonly Part[] = [
  { table: 'peers', key: 'rowid', reset: { unread: 0, queued: 0 }, free: 'summary' },
  { table: 'locks', key: 'path_key', isText: true, free: 'reason' },
  { table: 'messages', key: 'seq', where: UNREAD, reset: STEPS, free: 'payload' },
  { table: 'state', key: 'rowid', free: 'value' },
  { table: 'subscriptions', key: `type || ' ' || peer_id`, isText: true, where: `purpose = 'agent'` },
  { table: 'event_cursors', key: 'peer_id', isText: true },
  { table: 'messages', key: 'seq', where: `NOT (${UNREAD}) AND expired_at IS NULL`, reset: STEPS, free: 'payload' },
]

type Row = Record<string, Value>
interface Column {
  readonly name: string
  readonly type: string
  readonly notnull: number
}

const CHUNK = 64
/** Beyond every key that there is. */
const ENDS = { number: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER], text: ['', '\u{10ffff}'] } as const

/** Takes at most `budgetMs`. Call inside a transaction of `into`. */
export function salvage(from: Sql, into: Sql, budgetMs: number, nowMs: number): Salvage {
  const until = monotonicMs() + budgetMs
  const counts = { peers: 0, messages: 0, unread: 0, state: 0, locks: 0 }
  let isWhole = true
  for (const part of parts) {
    const columns = into.all<Column>(`SELECT name, type, "notnull" FROM pragma_table_info('${part.table}')`)
    // Of two holders of overlapping paths one would be too many: with locks in the new file already, the old ones are over.
    if (part.table === 'locks' && into.get('SELECT 1 FROM locks')) continue
    const rows = readable(from, part, until)
    for (let next = rows.next(); ; next = rows.next()) {
      if (next.done) {
        isWhole &&= next.value
        break
      }
      const row = next.value
      if (!columns.every((column) => isSound(row[column.name], column)) || !isOurs(part, row)) isWhole = false
      else if (insert(into, part, columns, row, nowMs)) {
        if (part.table === 'messages' && part.where === UNREAD) counts.unread++
        if (part.table in counts && row.kind !== 'known') counts[part.table as keyof Saved]++ // just looked
      }
    }
  }
  return { saved: counts, isWhole }
}

/** Rows from the first one on, and where one cannot be read, from the last one back. Returns whether that were all. */
function* readable(from: Sql, { table, key, isText, where = '1' }: Part, until: number): Generator<Row, boolean> {
  let [first, last]: readonly [Value, Value] = ENDS[isText ? 'text' : 'number']
  for (const order of ['ASC', 'DESC'] as const) {
    const text = `SELECT ${key} AS "key of it", * FROM ${table} NOT INDEXED
      WHERE ${key} > ? AND ${key} < ? AND ${where} ORDER BY ${key} ${order} LIMIT ?`
    for (let size = CHUNK; ; ) {
      if (monotonicMs() > until) return false
      let rows: Row[]
      try {
        rows = from.all<Row>(text, first, last, size)
      } catch {
        if (size === 1) break
        size = 1
        continue
      }
      yield* rows
      const end = rows.at(-1)?.['key of it']
      if (rows.length < size || end === undefined) return order === 'ASC'
      if (order === 'ASC') first = end
      else last = end
    }
  }
  return false
}

/** What a Date can say; no number of ours is larger. */
const MAX_NUMBER = 8_640_000_000_000_000

/** A column that an older file does not have yet is none of its faults. */
function isSound(value: Value | undefined, { type, notnull }: Column): boolean {
  if (value === undefined) return true
  if (value === null) return notnull === 0
  return type === 'INTEGER' ? Number.isInteger(value) && Math.abs(Number(value)) <= MAX_NUMBER : typeof value === 'string'
}

function insert(into: Sql, { table, reset = {} }: Part, columns: readonly Column[], row: Row, nowMs: number): boolean {
  const given = columns.map(({ name }) => name).filter((name) => row[name] !== undefined)
  const places = given.map(() => '?').join(', ')
  try {
    if (table === 'messages') ensureMailbox(into, row, nowMs)
    const { changes } = into.run(
      `INSERT OR IGNORE INTO ${table} (${given.join(', ')}) VALUES (${places})`,
      ...given.map((name) => (name in reset ? reset[name] : row[name]) ?? null),
    )
    if (changes === 1 && table === 'messages')
      into.run(
        'UPDATE messages SET notified_at = ?, notified_by = ?, seen_at = ?, acked_at = ? WHERE seq = ?',
        ...[row.notified_at, row.notified_by, row.seen_at, row.acked_at, row.seq].map((value) => value ?? null),
      )
    return changes === 1
  } catch {
    return false // it refers to what is not there
  }
}

/** Mail whose mailbox could not be read keeps its place: whoever it is for takes the mailbox up again by its id. */
function ensureMailbox(into: Sql, { recipient_id: id, recipient_name: name }: Row, nowMs: number): void {
  into.run(
    `INSERT OR IGNORE INTO peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime, left_at)
     VALUES (?, ?, 'session', 'unknown', '', 0, ?, ?, 0, ?)`,
    ...[id ?? null, name ?? null, nowMs, nowMs, nowMs],
  )
}

/** Far more than a lost end of the WAL can have held. */
const GAP = 1_000_000
/** What is beyond is no number of ours. */
const MAX_AHEAD = 1_000_000_000

export interface Numbers {
  /** Above every seq, version and fencing token that was ever given (G6). */
  readonly seq: number
  /** Above every term that there was (G3). */
  readonly term: number
  readonly ticket: number
}

/**
 * Where the new file's numbers begin: well above what can be read, as the newest may be what is lost; and by the clock where
 * the sequence itself cannot be read, for no mesh writes a thousand events a second from 1970 on.
 */
export function numbersAfter(sources: readonly Sql[], nowMs: number, guardedTerm: number): Numbers {
  const limit = nowMs + MAX_AHEAD
  const highest = (table: string, column: string, where = '1') => {
    const found = sources.flatMap((from) => {
      try {
        const row = from.get<{ n: number | null }>(
          `SELECT max(${column}) AS n FROM ${table} WHERE ${column} BETWEEN 0 AND ? AND ${where}`,
          limit,
        )
        return row?.n ?? []
      } catch {
        return []
      }
    })
    return found.length === 0 ? undefined : Math.max(...found)
  }
  const sequence = highest('sqlite_sequence', 'seq', `name = 'events'`)
  const others = [
    highest('events', 'seq'),
    highest('locks', 'token'),
    highest('state', 'version'),
    highest('event_cursors', 'seq'),
  ]
  const above = Math.max(sequence ?? 0, ...others.map((n) => n ?? 0)) + GAP
  return {
    seq: sequence === undefined ? Math.max(above, nowMs) : above,
    term: Math.max(Math.floor(nowMs / 1000), (highest('leader', 'term') ?? 0) + 1, guardedTerm + 1),
    ticket: (highest('sqlite_sequence', 'seq', `name = 'lock_tickets'`) ?? 0) + GAP,
  }
}
