import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { fail } from '../errors.ts'
import * as z from '../schema.ts'
import type { Value } from '../sql.ts'

/**
 * One entry of the mesh's log: the statements of one transaction, as every copy runs them, in the order in which they ran.
 * They are the same everywhere by construction: times, ids and random values are parameters, AUTOINCREMENT and triggers
 * give on each copy what they gave on the first.
 *
 * A text or value that occurs again is written once: a broadcast has the same text for each recipient.
 */
export interface Entry {
  /** Unique: by it a writer whose acknowledgement was lost finds out that its entry is there. */
  readonly id: string
  /** The entry before it in the log: whoever has another one as its last has missed something, or has what nobody else has. */
  readonly after: string | null
  /** The schema of the program that wrote it. */
  readonly schema: number
  readonly host: string
  readonly statements: readonly Statement[]
  /** What running the statements has changed, as a number: a copy that comes to another one is not like the others. */
  readonly check: number
}

export type Statement = readonly [text: string, ...values: Value[]]

const VERSION = 1
/** Values shorter than this cost less than a reference to them. */
const SHORT = 24
/** Smaller ones do not get smaller enough to be worth it. */
const COMPRESS_FROM_BYTES = 512
const COMPRESSED = 1
/** What an entry may be when it is unpacked: nobody makes us allocate more. */
const MAX_BYTES = 64 * 1024 * 1024

const Written = z.once(() =>
  z.object({
    v: z.literal(VERSION),
    id: z.string(),
    after: z.nullable(z.string()),
    schema: z.int(),
    host: z.string(),
    check: z.int(),
    texts: z.array(z.string()),
    values: z.array(z.string()),
    run: z.array(z.array(z.union([z.string(), z.number(), z.null(), z.tuple([z.int()])]))),
  }),
)

export function encodeEntry(entry: Entry): Uint8Array {
  const { statements, ...head } = entry
  const texts = new Map<string, number>()
  const seen = new Map<string, number>()
  for (const [, ...given] of statements)
    for (const value of given) if (typeof value === 'string' && value.length >= SHORT) seen.set(value, (seen.get(value) ?? 0) + 1)
  const values = new Map<string, number>()
  const indexIn = (known: Map<string, number>, text: string) => {
    const index = known.get(text) ?? known.size
    known.set(text, index)
    return index
  }
  const run = statements.map(([text, ...given]) => [
    indexIn(texts, text),
    ...given.map((value) => (typeof value === 'string' && (seen.get(value) ?? 0) > 1 ? [indexIn(values, value)] : value)),
  ])
  const plain = Buffer.from(JSON.stringify({ v: VERSION, ...head, texts: [...texts.keys()], values: [...values.keys()], run }))
  if (plain.length < COMPRESS_FROM_BYTES) return plain
  return Buffer.concat([Buffer.of(COMPRESSED), deflateRawSync(plain, { level: 3 })])
}

/** Throws `storage` where it is none that this program can read: what cannot be applied everywhere is applied nowhere. */
export function decodeEntry(bytes: Uint8Array, where: string): Entry {
  try {
    const plain = bytes[0] === COMPRESSED ? inflateRawSync(bytes.subarray(1), { maxOutputLength: MAX_BYTES }) : bytes
    const { v: _, texts, values, run, ...head } = Written().parse(JSON.parse(Buffer.from(plain).toString()))
    const statements = run.map(([index, ...given]): Statement => {
      const text = texts[Number(index)]
      if (text === undefined || tableOf(text) === undefined) throw new Error(`may not be run: ${text}`)
      return [text, ...given.map((value) => (Array.isArray(value) ? (values[value[0]] ?? null) : value))]
    })
    return { ...head, statements }
  } catch (error) {
    const detail = `an entry of the log cannot be read: ${error instanceof Error ? error.message : error}`
    throw fail('storage', { path: where, detail }, { cause: error })
  }
}

/** What may be written to from outside: the mesh's own tables, and nothing that is of one machine. */
const TABLES = new Set(
  [
    'peers, events, subscriptions, event_cursors, messages, totals, state, namespaces, locks, lock_waits, lock_tickets',
    'delivery_latency, touches, edit_news, hosts',
  ]
    .join(', ')
    .split(', '),
)
const CHANGE =
  /^\s*(?:INSERT(?:\s+OR\s+(?:IGNORE|REPLACE))?\s+INTO|UPDATE(?:\s+OR\s+(?:IGNORE|REPLACE))?|DELETE\s+FROM)\s+([a-z_]+)\b/i
/** Rows of one machine, and SQLite's own: not to be looked at either, by what somebody else has written. */
const LOCAL = /\b(leader|browser_keys|copy_[a-z]+|sqlite_[a-z]+|pragma[a-z_]*|load_extension|readfile|writefile)\b/i

/**
 * The table that a statement changes; undefined for one that may not be part of an entry. Members of a mesh trust each other
 * with what is in it, but not with each other's machines: no statement attaches a file, sets a pragma, or makes a key.
 */
export function tableOf(text: string): string | undefined {
  const table = CHANGE.exec(text)?.[1]?.toLowerCase()
  return table !== undefined && TABLES.has(table) && !LOCAL.test(text) ? table : undefined
}
