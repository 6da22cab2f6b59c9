import { accessSync, chmodSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs'
import { monotonicMs } from '../clock.ts'
import { fail } from '../errors.ts'
import { sleep } from '../scope.ts'
import { Connection } from './connection.ts'
import { checkSchema, KNOWN_SCHEMA, migrate } from './migrate.ts'
import { identityOf } from './moving.ts'
import { BUSY_DEADLINE_MS, codeOf, isBusy, translate } from './sqlite-errors.ts'

/** From a path to a connection that may be used: private, on a safe SQLite, in WAL mode, with the schema we know. */

/** SQLite 3.7.0 to 3.51.2 can lose commits when several processes checkpoint one WAL (sqlite.org/wal.html#walresetbug). */
export const OLDEST_SQLITE = [3, 51, 3] as const
/** What SQLite answers for `auto_vacuum = INCREMENTAL`. */
const INCREMENTAL = 2

/** Opens or creates the file and brings its schema up to date; waits for others who do the same. */
export async function openConnection(path: string): Promise<Connection> {
  let deadline: number | undefined
  for (;;) {
    try {
      return openOnce(path)
    } catch (error) {
      deadline ??= monotonicMs() + BUSY_DEADLINE_MS
      if (!isBusy(error) || monotonicMs() > deadline) throw translate(error, path)
      await sleep(2 + Math.random() * 10, undefined, true)
    }
  }
}

function openOnce(path: string): Connection {
  createPrivately(path)
  const before = identityOf(path)
  const connection = new Connection(path)
  try {
    checkSqliteVersion(connection)
    // The WAL is opened with the first read, by name: had the file been replaced since, it would be that of another one.
    checkTables(connection)
    if (identityOf(path) !== before) throw new Replaced()
    // Before anything is written: later it would be ignored. Asked first, because setting it writes to the file. A message
    // changes a few bytes on each of sixteen pages, all of which go through the WAL: small ones are a quarter of the writing.
    const vacuum = connection.get<{ auto_vacuum: number }>('PRAGMA auto_vacuum')?.auto_vacuum
    if (vacuum !== INCREMENTAL) connection.script('PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL')
    const mode = connection.get<{ journal_mode: string }>('PRAGMA journal_mode = WAL')?.journal_mode
    if (mode !== 'wal') throw fail('storage', { path, detail: `its file system does not allow WAL (journal mode ${mode})` })
    connection.script(`
      PRAGMA synchronous = NORMAL;
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA mmap_size = 0;
      PRAGMA temp_store = MEMORY;
      PRAGMA wal_autocheckpoint = 2500;
      PRAGMA journal_size_limit = 4194304;
    `)
    if (checkSchema(connection, path) < KNOWN_SCHEMA) migrateAlone(connection)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

function migrateAlone(connection: Connection): void {
  connection.run('BEGIN IMMEDIATE')
  try {
    migrate(connection, connection.path)
    connection.run('COMMIT')
  } catch (error) {
    if (connection.inTransaction) connection.run('ROLLBACK')
    // The schema is not what its number says.
    throw codeOf(error) === 'SQLITE_ERROR' ? damaged(connection.path, String(error)) : error
  }
}

/** Where a new file is made, beside the damaged one whose place it takes. */
export const nextOf = (path: string) => `${path}.next`

/** The file was replaced while it was being opened: as SQLITE_BUSY, it is tried again. */
class Replaced extends Error {
  readonly code = 'SQLITE_BUSY_REPLACED'
}

/** The tables that every schema of ours has had. */
const TABLES = ['meta', 'peers', 'messages', 'state', 'locks', 'events', 'leader'] as const

/** A schema number without its tables, or tables without a number, is none of ours. In one statement: others may be migrating. */
function checkTables(connection: Connection): void {
  const row = connection.get<{ version: number; tables: number }>(
    `SELECT (SELECT user_version FROM pragma_user_version) AS version, count(*) AS tables FROM sqlite_master
     WHERE type = 'table' AND name IN (${TABLES.map((name) => `'${name}'`).join(', ')})`,
  )
  if (!row || (row.version === 0 ? row.tables === 0 : row.tables === TABLES.length)) return
  throw damaged(connection.path, `it has schema ${row.version}, and ${row.tables} of ${TABLES.length} tables`)
}

const damaged = (path: string, detail: string) => fail('corrupt', { path, detail, recurring: false })

/** SQLite would create the file with the umask's mode. Fails quietly where the file exists: `wx` opens nothing then. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
    // Whoever has moved the damaged one away is about to put the next one here.
    if (existsSync(nextOf(path))) throw new Replaced()
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) chmodSync(path, 0o600)
    // SQLite opens what it may only read, and leaves a WAL beside it that is as read-only even when the file no longer is.
    accessSync(path, constants.R_OK | constants.W_OK)
  }
}

/** Pure. */
export function isSafeSqlite(version: string): boolean {
  const parts = version.split('.').map(Number)
  for (let i = 0; i < OLDEST_SQLITE.length; i++) {
    const difference = (parts[i] ?? 0) - (OLDEST_SQLITE[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}

function checkSqliteVersion(connection: Connection): void {
  const version = connection.get<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? ''
  if (isSafeSqlite(version)) return
  throw fail('library_unfit', {
    detail: `its SQLite ${version} can lose commits of several processes; ${OLDEST_SQLITE.join('.')} or newer is needed`,
  })
}
