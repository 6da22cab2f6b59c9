import type { Sql, Transaction } from './sql.ts'
import type { Recovery } from './sqlite/recovery.ts'
import type { Wal } from './sqlite/wal.ts'

/**
 * What the primitives stand on: a file of this machine, and one atomic change after another. With one machine the file is the
 * mesh (database.ts). On several it is this machine's copy of it, and a change happens on all of them or on none
 * (nats/shared-database.ts). No primitive knows which.
 */
export interface Storage extends Disposable {
  /** Reads a consistent value. Never waits for a writer. */
  read<T>(query: (sql: Sql) => T): T
  /**
   * Queues one atomic change of the mesh and resolves with its value once it is stored. It may be run more than once, until
   * it has run on the state that it then changes: it does nothing but read, change, and ask for `afterCommit`.
   */
  write<T>(change: (tx: Transaction) => T): Promise<T>
  /**
   * Changes what concerns this machine alone: who leads here, browsers' keys, beats of its own peers, its file's pages.
   * `also` belongs to the mesh, such as an event that tells of the change: with one machine it is part of the same
   * transaction, with several it follows as soon as it can.
   */
  writeHere<T>(change: (tx: Transaction, mesh: (also: (tx: Transaction) => void) => void) => T): Promise<T>

  /** Changes on every commit of another connection, never on ours: a cheap "did I miss anything?". */
  dataVersion(): number
  readonly wal: Wal
  readonly isDamaged: boolean
  /** What an error turns out to be that no rule accounts for, met in what was read here: `corrupt` where the file is damaged. */
  explain(error: unknown): unknown
  /** True when the path no longer leads to the file that is open: it was deleted, moved or replaced. */
  replaced(): boolean
  /** Moves to the file that stands at the path now, or to a new one; `first` is the first thing done there. */
  reopen<T>(first: (tx: Transaction) => T): Promise<T>
  /** What the file that is open began with, where that has happened under this process. */
  readonly recovery: Recovery | undefined
  /** Called when damage is seen: has the file reopened. Where there is none, writes to a damaged file fail, and do not wait. */
  onDamage: (() => void) | undefined
}
