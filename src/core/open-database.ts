import { accessSync, chmodSync, closeSync, constants, openSync, statSync } from 'node:fs'
import Native from 'better-sqlite3'
import { fail } from './errors.ts'
import { checkSchema, KNOWN_SCHEMA, migrate } from './migrate.ts'
import { sleep } from './scope.ts'
import type { Sql, Value } from './sql.ts'
import { BUSY_DEADLINE_MS, codeOf, isBusy, translate } from './sqlite-errors.ts'

/** From a path to a connection that may be used: private, on a safe SQLite, in WAL mode, with the schema we know. */

/** SQLite 3.7.0 to 3.51.2 can lose commits when several processes checkpoint one WAL (sqlite.org/wal.html#walresetbug). */
const OLDEST_SQLITE = [3, 51, 3] as const
/** What SQLite answers for `auto_vacuum = INCREMENTAL`. */
const INCREMENTAL = 2

/** Opens or creates the file and brings its schema up to date; waits for others who do the same. */
export async function openNative(path: string): Promise<Native.Database> {
  const deadline = performance.now() + BUSY_DEADLINE_MS
  for (;;) {
    try {
      return openOnce(path)
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw translate(error, path)
      await sleep(2 + Math.random() * 10, undefined, true)
    }
  }
}

function openOnce(path: string): Native.Database {
  createPrivately(path)
  const native = new Native(path, { timeout: 0 })
  try {
    checkSqliteVersion(native)
    // Before anything is written: later it would be ignored. Asked first, because setting it writes to the file.
    if (native.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) native.pragma('auto_vacuum = INCREMENTAL')
    const mode = native.pragma('journal_mode = WAL', { simple: true })
    if (mode !== 'wal') throw fail('storage', { path, detail: `its file system does not allow WAL (journal mode ${mode})` })
    native.pragma('synchronous = NORMAL')
    native.pragma('foreign_keys = ON')
    native.pragma('trusted_schema = OFF')
    native.pragma('mmap_size = 0')
    native.pragma('journal_size_limit = 4194304')
    const prepare = (text: string) => native.prepare(text)
    const sql: Sql & { script(text: string): void } = {
      get: <Row>(text: string, ...values: Value[]) => prepare(text).get(...values) as Row | undefined, // columns are the SQL's
      all: <Row>(text: string, ...values: Value[]) => prepare(text).all(...values) as Row[], // likewise
      run: (text, ...values) => ({ changes: prepare(text).run(...values).changes, rowid: 0 }),
      script: (text) => native.exec(text),
    }
    if (checkSchema(sql, path) < KNOWN_SCHEMA) native.transaction(() => migrate(sql, path)).immediate()
    return native
  } catch (error) {
    native.close()
    throw error
  }
}

/** SQLite would create the file with the umask's mode. Fails quietly where the file exists: `wx` opens nothing then. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) chmodSync(path, 0o600)
    // SQLite opens what it may only read, and leaves a WAL beside it that is as read-only even when the file no longer is.
    accessSync(path, constants.R_OK | constants.W_OK)
  }
}

function checkSqliteVersion(native: Native.Database): void {
  const version = String(native.prepare('SELECT sqlite_version()').pluck().get())
  const parts = version.split('.').map(Number)
  for (let i = 0; i < OLDEST_SQLITE.length; i++) {
    const difference = (parts[i] ?? 0) - (OLDEST_SQLITE[i] ?? 0)
    if (difference > 0) return
    if (difference < 0)
      throw fail('storage', {
        path: 'better-sqlite3',
        detail: `its SQLite ${version} can lose commits of several processes; ${OLDEST_SQLITE.join('.')} or newer is needed`,
      })
  }
}
