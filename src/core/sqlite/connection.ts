import Native from 'better-sqlite3'
import type { Sql, Value } from '../sql.ts'
import { notLoaded } from './sqlite-errors.ts'

/**
 * What better-sqlite3 has made is never given up to the garbage collector. Since Node 24.19 it ends the process when one
 * of its objects is collected while no JavaScript runs, as happens to an idle agent (WiseLibs/better-sqlite3#1515). A
 * process opens a file once or twice and knows some eighty statements: keeping them costs nothing.
 */
const kept = new Set<object>()

/** One open file. Statements are prepared once a text. Everything throws SQLite's own errors, but for `library_unfit`. */
export class Connection implements Sql {
  readonly #native: Native.Database
  readonly #statements = new Map<string, Native.Statement>()

  /** Opens or creates the file. Waits for nobody: a lock of another process is SQLITE_BUSY at once. */
  constructor(readonly path: string) {
    this.#native = opened(path)
    kept.add(this.#native)
  }

  get isOpen(): boolean {
    return this.#native.open
  }

  get inTransaction(): boolean {
    return this.#native.inTransaction
  }

  get<Row>(text: string, ...values: Value[]): Row | undefined {
    return this.#prepare(text).get(...values) as Row | undefined // columns are the SQL's
  }

  all<Row>(text: string, ...values: Value[]): Row[] {
    return this.#prepare(text).all(...values) as Row[] // likewise
  }

  run(text: string, ...values: Value[]): { changes: number; rowid: number } {
    const { changes, lastInsertRowid } = this.#prepare(text).run(...values)
    return { changes, rowid: Number(lastInsertRowid) }
  }

  /** Runs several statements that answer nothing. */
  script(text: string): void {
    this.#native.exec(text)
  }

  close(): void {
    this.#native.close()
  }

  #prepare(text: string): Native.Statement {
    let statement = this.#statements.get(text)
    if (!statement) {
      statement = this.#native.prepare(plannedOnce(text))
      kept.add(statement)
      this.#statements.set(text, statement)
    }
    return statement
  }
}

/**
 * For `LIMIT ?` SQLite looks at the number to plan by it (since 3.47), and so plans anew at each run, which takes longer than most of
 * our statements. Behind a sign it does not look. Pure.
 */
const plannedOnce = (text: string): string => text.replaceAll('LIMIT ?', 'LIMIT +?')

function opened(path: string): Native.Database {
  try {
    return new Native(path, { timeout: 0 })
  } catch (error) {
    throw notLoaded(error)
  }
}
