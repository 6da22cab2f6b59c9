import { MeshError } from '../errors.ts'
import type { Sql, Transaction } from '../sql.ts'
import { type Statement, tableOf } from './entry.ts'

/** Tries changes on a copy and writes down what they do; afterwards the copy is as it was. */

export type Change = (tx: Transaction) => unknown

type Outcome = { value: unknown } | { error: unknown }

export interface Trial {
  /** One a change, in their order. */
  readonly outcomes: readonly Outcome[]
  readonly statements: readonly Statement[]
  readonly check: number
  /** What follows, once all is stored. */
  readonly after: ReadonlyMap<string, () => void>
  /** Roughly, before anything is compressed. */
  readonly sizeBytes: number
}

/** Thrown to undo what has been tried. */
export class Undo<T> {
  constructor(readonly value: T) {}
}

const CHANGES = /^\s*(?:INSERT|UPDATE|DELETE|REPLACE)\b/i

/**
 * Runs each change in its own savepoint of the transaction that `tx` is, whose end must undo all of it. Stops before a
 * change once the others have come to `maxBytes`.
 */
export function tryOut(tx: Transaction, changes: readonly Change[], maxBytes: number): Trial {
  const outcomes: Outcome[] = []
  const statements: Statement[] = []
  const after = new Map<string, () => void>()
  let changed = 0
  let sizeBytes = 0
  for (const change of changes) {
    if (outcomes.length > 0 && sizeBytes > maxBytes) break
    const mine = { statements: [] as Statement[], after: new Map<string, () => void>(), changed: 0 }
    tx.run('SAVEPOINT tried')
    try {
      outcomes.push({ value: change(recording(tx, mine)) })
      for (const [key, run] of mine.after) if (!after.has(key)) after.set(key, run)
      statements.push(...mine.statements)
      changed += mine.changed
      for (const [, ...values] of mine.statements)
        for (const value of values) sizeBytes += typeof value === 'string' ? value.length : 8
    } catch (error) {
      // What SQLite itself refuses concerns all of them: the transaction may be gone.
      if (!(error instanceof MeshError) && error instanceof Error && error.name === 'SqliteError') throw error
      tx.run('ROLLBACK TO tried')
      outcomes.push({ error })
    }
    tx.run('RELEASE tried')
  }
  return { outcomes, statements, after, sizeBytes, check: checkOf(tx, changed) }
}

/** What a copy has come to: how many rows the statements have changed, and the number of the last event. */
export const checkOf = (sql: Sql, changed: number): number =>
  changed * 1_000_003 + (sql.get<{ seq: number }>(`SELECT seq FROM sqlite_sequence WHERE name = 'events'`)?.seq ?? 0)

function recording(
  tx: Transaction,
  mine: { statements: Statement[]; after: Map<string, () => void>; changed: number },
): Transaction {
  const note = (statement: Statement) => {
    if (tableOf(statement[0]) === undefined) throw new Error(`is of one machine, and no change of the mesh: ${statement[0]}`)
    mine.statements.push(statement)
  }
  return {
    get: (text, ...values) => {
      if (CHANGES.test(text)) note([text, ...values])
      return tx.get(text, ...values)
    },
    all: (text, ...values) => {
      if (CHANGES.test(text)) note([text, ...values])
      return tx.all(text, ...values)
    },
    run: (text, ...values) => {
      const done = tx.run(text, ...values)
      // What changes nothing here changes nothing on any other copy of the same state.
      if (done.changes > 0) {
        note([text, ...values])
        mine.changed += done.changes
      }
      return done
    },
    afterCommit: (key, run) => void (mine.after.has(key) || mine.after.set(key, run)),
  }
}
