import { Connection } from '../../core/sqlite/connection.ts'
import { isSafeSqlite, OLDEST_SQLITE } from '../../core/sqlite/open-database.ts'
import { bad, type Check, ok } from './check.ts'

/** Does better-sqlite3's compiled part load, and is its SQLite one that does not lose commits? */
export const nativeModule: Check = () => {
  try {
    const connection = new Connection(':memory:')
    const version = connection.get<{ version: string }>('SELECT sqlite_version() AS version')?.version ?? ''
    connection.close()
    return isSafeSqlite(version)
      ? ok(`better-sqlite3 loads, with SQLite ${version}`)
      : bad(
          `SQLite ${version} can lose commits of several processes; ${OLDEST_SQLITE.join('.')} or newer is needed`,
          'npm install -g slm-mesh',
        )
  } catch (error) {
    return bad(
      error instanceof Error ? error.message : String(error),
      'npm rebuild better-sqlite3, where slm-mesh is installed, with the Node.js that runs it',
    )
  }
}
