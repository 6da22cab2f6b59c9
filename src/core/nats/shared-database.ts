import type { Sql, Transaction } from '../sql.ts'
import type { Database } from '../sqlite/database.ts'
import type { Recovery } from '../sqlite/recovery.ts'
import type { Wal } from '../sqlite/wal.ts'
import type { Storage } from '../storage.ts'
import { CatchUp } from './catch-up.ts'
import type { Copy } from './copy.ts'
import type { Log } from './log.ts'
import { Writer, type WriterOptions } from './writer.ts'

/**
 * The mesh on several machines: the log is the truth, and this machine's file a copy of it. What is written goes into the log
 * (writer.ts); who reads waits until the copy has what the log has (catch-up.ts).
 *
 * **When the server is away** the copy can be read, rows of this machine go on being written, and the rest fails with one
 * clear error after a while (`unreachable`).
 */

export class SharedDatabase implements Storage {
  #closed = false
  #moved: Promise<void> = Promise.resolve()
  readonly #catchUp: CatchUp
  readonly #writer: Writer

  constructor(
    private readonly file: Database,
    copy: Copy,
    private readonly log: Log,
    private readonly on: Omit<WriterOptions, 'settled'> & {
      /** Brings a file that has just been opened to where the others are. */
      readonly settle: () => Promise<void>
    },
  ) {
    this.#catchUp = new CatchUp(copy, log)
    this.#writer = new Writer(file, copy, log, this.#catchUp, { ...on, settled: () => this.settled })
  }

  get wal(): Wal {
    return this.file.wal
  }
  /** A copy is made from the log again: whatever could be read of a damaged one is not needed. */
  readonly recovery: Recovery | undefined = undefined
  get isDamaged(): boolean {
    return this.file.isDamaged
  }
  get onDamage(): Storage['onDamage'] {
    return this.file.onDamage
  }
  set onDamage(run: Storage['onDamage']) {
    this.file.onDamage = run
  }
  explain(error: unknown): unknown {
    return this.file.explain(error)
  }
  read<T>(query: (sql: Sql) => T): T {
    return this.file.read(query)
  }
  dataVersion(): number {
    return this.file.dataVersion()
  }
  replaced(): boolean {
    return this.file.replaced()
  }

  /** A new file is a copy like any other: it is made from the log, and nothing is lost with the old one. */
  async reopen<T>(first: (tx: Transaction) => T): Promise<T> {
    const move = async () => {
      await this.file.reopen(() => {})
      await this.on.settle()
      this.log.again()
    }
    // Until then it has no place in the log: nothing is applied to it, and nothing tried.
    this.#moved = move()
    await this.#moved
    return this.write(first)
  }

  /** Passes once the file is a copy; fails where it could not be made one. */
  get settled(): Promise<void> {
    return this.#moved
  }

  write<T>(change: (tx: Transaction) => T): Promise<T> {
    return this.#writer.write(change)
  }

  async writeHere<T>(change: (tx: Transaction, mesh: (also: (tx: Transaction) => void) => void) => T): Promise<T> {
    const also: ((tx: Transaction) => void)[] = []
    const value = await this.file.write((tx) => {
      also.length = 0
      return change(tx, (more) => also.push(more))
    })
    for (const more of also) this.write(more).catch((error: unknown) => this.on.warn('could not be told to the mesh', error))
    return value
  }

  /** What has been delivered from the log is here: applied by this process, or by another of this machine before. */
  heard(): void {
    this.#catchUp.heard()
  }

  /** Waits until the copy has what the log has now; for a while, and not where the server is away. */
  catchUp(): Promise<void> {
    return this.#catchUp.soon()
  }

  /** The same for whoever cannot go on without. Throws `unreachable`. */
  async catchUpOrFail(ms: number): Promise<void> {
    await this.#catchUp.reach(ms)
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.#writer.close()
    this.#catchUp.close()
    void this.on.scope[Symbol.asyncDispose]().catch(() => {})
    this.file[Symbol.dispose]()
  }
}
