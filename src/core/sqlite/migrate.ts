import { fail } from '../errors.ts'
import type { Sql } from '../sql.ts'
import { Connection } from './connection.ts'
import initial from './migrations/0001-initial.sql'
import outsiders from './migrations/0002-outsiders.sql'
import edits from './migrations/0003-edits.sql'
import browserKeys from './migrations/0004-browser-keys.sql'
import shortMailIndexes from './migrations/0005-short-mail-indexes.sql'

/**
 * Numbered, applied in order, never edited once released. `breaking` means that programs which know only
 * older schemas must stop writing: they see `meta.min_writer` pass them and refuse politely (G9).
 */
const migrations: readonly { sql(): string; breaking: boolean }[] = [
  { sql: () => initial, breaking: false },
  { sql: () => outsiders, breaking: false },
  { sql: () => edits, breaking: false },
  { sql: () => browserKeys, breaking: false },
  { sql: () => shortMailIndexes, breaking: false },
]

/** The newest schema that this program knows. */
export const KNOWN_SCHEMA = migrations.length

/** Brings the file up to date. Runs inside one write transaction; another process may have been first. */
export function migrate(sql: Sql & { script(text: string): void }, path: string): void {
  const found = checkSchema(sql, path)
  migrations.slice(found).forEach((migration, i) => {
    sql.script(migration.sql())
    if (migration.breaking) sql.run(`UPDATE meta SET value = ? WHERE key = 'min_writer'`, String(found + i + 1))
  })
  if (found < KNOWN_SCHEMA) sql.script(`PRAGMA user_version = ${KNOWN_SCHEMA}`)
}

/** The file's schema number. Throws `schema_newer` where this program may not write to it. */
export function checkSchema(sql: Sql, path: string): number {
  const found = sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
  if (found <= KNOWN_SCHEMA) return found
  const minWriter = Number(sql.get<{ value: string }>(`SELECT value FROM meta WHERE key = 'min_writer'`)?.value ?? found)
  if (minWriter > KNOWN_SCHEMA) throw fail('schema_newer', { path, found, known: KNOWN_SCHEMA })
  return found
}

/**
 * Which table, index or trigger is not as the migrations make it. SQLite takes the schema's text as it stands: one flipped
 * bit of it is a column of another name, to no check of its own. Undefined where all is well, or the file is newer than we are.
 */
export function spoiltSchema(sql: Sql): string | undefined {
  if (sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version !== KNOWN_SCHEMA) return undefined
  const text = `SELECT type || ' ' || name AS what, sql FROM sqlite_schema`
  const found = new Map(sql.all<{ what: string; sql: string }>(text).map((row) => [row.what, row.sql]))
  const pristine = new Connection(':memory:')
  try {
    migrate(pristine, ':memory:')
    return pristine.all<{ what: string; sql: string }>(text).find((row) => found.get(row.what) !== row.sql)?.what
  } finally {
    pristine.close()
  }
}
