/** How SQL is run: the same for a read and for a write, which knows a little more. */

export type Value = string | number | null

/** Statements are prepared once a text; rows come back as the caller's row type says the columns are. */
export interface Sql {
  get<Row>(text: string, ...values: Value[]): Row | undefined
  all<Row>(text: string, ...values: Value[]): Row[]
  run(text: string, ...values: Value[]): { changes: number; rowid: number }
}

/** What a write may do. Synchronous on purpose: the write lock is held for microseconds only. */
export interface Transaction extends Sql {
  /** Runs after COMMIT; of one key in one batch only the first is kept. */
  afterCommit(key: string, run: () => void): void
}
