import { monotonicMs } from '../clock.ts'
import { fail, isFailure } from '../errors.ts'
import { sleep } from '../scope.ts'
import type { Sql, Transaction } from '../sql.ts'
import type { Storage } from '../storage.ts'
import type { Connection } from './connection.ts'
import { Damage } from './damage.ts'
import { checkSchema, KNOWN_SCHEMA } from './migrate.ts'
import { type Footing, footingOf, isSameFooting, movingAlone } from './moving.ts'
import { openConnection } from './open-database.ts'
import type { Recovery } from './recovery.ts'
import { BUSY_DEADLINE_MS, isBusy, mayBeDamage } from './sqlite-errors.ts'
import { createWal, type Wal } from './wal.ts'
import { takeNap, WriteTurns } from './write-turn.ts'

/**
 * One SQLite file, written by many processes.
 *
 * Waiting is ours, not SQLite's: its busy handler blocks the event loop, does not queue and is unfair
 * (a worst case of 2 s with 16 writers). Here the writes of one tick are committed together, each in its
 * own savepoint; when another process holds the write lock we nap for microseconds, then for timers'
 * ticks, so that later writes join the batch and the event loop lives. Nobody is answered and no doorbell
 * rings before COMMIT (G1). After `BUSY_DEADLINE_MS` the writers are told `busy`; no write is dropped.
 *
 * Never open the three files with `fs` in this process: closing such a descriptor drops SQLite's POSIX
 * locks, and another process then commits into our transaction. `stat` and `chmod` are safe.
 */

/** A batch larger than this would hold the event loop and the write lock for longer than 20 ms. */
const MAX_BATCH = 128

interface Write {
  change: (tx: Transaction) => unknown
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  since: number
}

type Outcome = { write: Write; value: unknown } | { write: Write; error: unknown }

export class Database implements Storage {
  #connection: Connection
  readonly #turns: WriteTurns
  #queue: Write[] = []
  #scheduled = false
  #closed = false
  #knownVersion = KNOWN_SCHEMA
  #footing: Footing
  #moving = false
  /** What the file that is open began with, where that has happened under this process. */
  recovery: Recovery | undefined
  readonly wal: Wal
  readonly #damage: Damage

  onDamage: Storage['onDamage'] = () => void this.reopen(() => {}).catch(() => {})

  private constructor(
    readonly path: string,
    connection: Connection,
  ) {
    this.#connection = connection
    this.#turns = new WriteTurns(path)
    this.#footing = footingOf(path)
    this.#damage = new Damage(
      path,
      () => (this.#closed ? undefined : this.#connection),
      () => setImmediate(() => this.#closed || this.#moving || this.onDamage?.()),
    )
    this.wal = createWal(path, (query) => this.read(query))
  }

  /**
   * Opens or creates the file (0600) and brings its schema up to date; waits for others who do the same. A damaged one is
   * moved aside first, and a new one made of what can be read of it.
   */
  static async open(path: string): Promise<Database> {
    try {
      return new Database(path, await openConnection(path))
    } catch (error) {
      if (!isFailure(error, 'corrupt')) throw error
      const [{ openRecovered }, { readRecovery }] = await Promise.all([import('./quarantine.ts'), import('./recovery.ts')])
      const { connection, noticed } = await movingAlone(path, () => openRecovered(path))
      const database = new Database(path, connection)
      database.recovery = database.read(readRecovery)
      // A command would end, and let go of the old file, before those who still write to it have noticed.
      if (noticed && database.read((sql) => sql.get('SELECT 1 FROM peers WHERE live = 1'))) await noticed
      return database
    }
  }

  /** Reads a consistent value. Never waits for a writer, except for the moment in which a crash is recovered. */
  read<T>(query: (sql: Sql) => T): T {
    if (this.#closed) throw fail('closed', { why: 'the database is closed' })
    for (let nap = 0; ; nap++) {
      try {
        return query(this.#sql)
      } catch (error) {
        if (!isBusy(error) || nap >= 200) throw this.#damage.translate(error)
        takeNap()
      }
    }
  }

  /**
   * Queues one atomic change and resolves with its value after COMMIT. A change that throws is undone alone
   * and rejects alone. Errors: `busy`, `disk_full`, `read_only`, `corrupt`, `schema_newer`, and its own.
   */
  write<T>(change: (tx: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(fail('closed', { why: 'the database is closed' }))
      // The queue holds changes of many types; `resolve` of each gets the value of its own `change`.
      this.#queue.push({ change, resolve: resolve as (value: unknown) => void, reject, since: monotonicMs() })
      this.#schedule()
    })
  }

  /** With one machine, what concerns it alone is written like anything else. */
  writeHere<T>(change: (tx: Transaction, mesh: (also: (tx: Transaction) => void) => void) => T): Promise<T> {
    return this.write((tx) => change(tx, (also) => also(tx)))
  }

  /** Changes on every commit of another connection, never on ours: a cheap "did I miss anything?". */
  dataVersion(): number {
    return this.read((sql) => sql.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? 0)
  }

  get isDamaged(): boolean {
    return this.#damage.detail !== undefined
  }

  /** True when a path no longer leads to the file that is open: it was deleted, moved or replaced. */
  replaced(): boolean {
    return !isSameFooting(footingOf(this.path), this.#footing)
  }

  /**
   * Leaves the files that are open and opens what stands at the path now. `first` is the first thing done there: nobody
   * reads the new file before. Writes wait meanwhile and go to the new file; where there is none to be had, they fail.
   * Where what is open is damaged, it is moved aside before.
   */
  async reopen<T>(first: (tx: Transaction) => T): Promise<T> {
    this.#moving = true
    try {
      return await movingAlone(this.path, async () => {
        await this.#damage.moveAside(this.#footing)
        return await this.#move(first)
      })
    } catch (error) {
      this.#damage.refusal = this.#damage.translate(error)
      this.#rejectAll(this.#queue.splice(0), error)
      throw this.#damage.refusal
    } finally {
      this.#moving = false
      this.#schedule()
    }
  }

  async #move<T>(first: (tx: Transaction) => T): Promise<T> {
    const old = this.#connection
    const { leave } = await import('./leaving.ts')
    const { next, arrival } = await leave(this.path, old, this.#footing, first)
    return new Promise<T>((resolve, reject) => {
      const write: Write = { change: arrival.change, resolve: resolve as (value: unknown) => void, reject, since: 0 } // `first` gives a T
      const attempt = () => {
        this.#connection = next
        if (!this.#begin()) {
          this.#connection = old
          return void sleep(1, undefined, true).then(attempt).catch(reject)
        }
        this.#footing = footingOf(this.path)
        this.#turns.close()
        this.#damage.forget()
        this.#run([write])
        this.recovery = arrival.recovery() ?? this.recovery
        old.close()
      }
      attempt()
    })
  }

  /** Writes what is queued, then closes. */
  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#moving = false
    this.#turns.forgetCrowd()
    if (this.#queue.length > 0) this.#flush()
    this.#closed = true
    for (const write of this.#queue.splice(0)) write.reject(fail('closed', { why: 'the database is closed' }))
    this.#turns.close()
    this.#connection.close()
  }

  /** Whatever connection is the current one: a move replaces it. */
  readonly #sql: Sql = {
    get: (text, ...values) => this.#current().get(text, ...values),
    all: (text, ...values) => this.#current().all(text, ...values),
    run: (text, ...values) => this.#current().run(text, ...values),
  }

  #current(): Connection {
    if (this.#connection.isOpen) return this.#connection
    throw fail('storage', { path: this.path, detail: 'it was deleted, and could not be opened again yet' })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** One batch: BEGIN, every change in its savepoint, COMMIT; then answers and rings. */
  #flush(): void {
    if (this.#closed || this.#moving || this.#queue.length === 0) return
    if (this.isDamaged) return this.#waitForAnother()
    try {
      if (!this.#begin()) return this.#waitForTurn()
    } catch (error) {
      return this.#rejectAll(this.#queue.splice(0), error)
    }
    this.#run(this.#queue.splice(0, MAX_BATCH))
    if (this.#queue.length > 0) this.#schedule()
  }

  /** What follows BEGIN. */
  #run(batch: Write[]): void {
    const after = new Map<string, () => void>()
    const outcomes: Outcome[] = []
    try {
      // One alone needs no savepoint, for which SQLite would copy every page before its change.
      if (batch.length === 1) for (const write of batch) outcomes.push({ write, value: this.#change(write, after) })
      else for (const write of batch) outcomes.push(this.#apply(write, after))
      this.#sql.run('COMMIT')
    } catch (error) {
      // The batch as a whole failed: nothing in it was answered, and nothing in it stays.
      if (this.#connection.inTransaction) this.#sql.run('ROLLBACK')
      return this.#rejectAll(batch, error)
    }
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.write.reject(this.#damage.translate(outcome.error))
      else outcome.write.resolve(outcome.value)
    }
    for (const run of after.values()) run()
    if (this.wal.isLong()) this.#restartWal()
  }

  /** Once those who have just been answered know it. What fails here is met, and told, by the next write. */
  #restartWal(): void {
    setImmediate(() => {
      if (this.#closed || this.#moving) return
      try {
        this.wal.checkpoint('restart')
      } catch {}
    })
  }

  #change(write: Write, after: Map<string, () => void>): unknown {
    return write.change({ ...this.#sql, afterCommit: (key, run) => after.has(key) || after.set(key, run) })
  }

  /** What is undone alone rings nobody. */
  #apply(write: Write, after: Map<string, () => void>): Outcome {
    const mine = new Map<string, () => void>()
    this.#sql.run('SAVEPOINT one')
    try {
      const value = this.#change(write, mine)
      this.#sql.run('RELEASE one')
      for (const [key, run] of mine) if (!after.has(key)) after.set(key, run)
      return { write, value }
    } catch (error) {
      // A full disk or a damaged page may have ended the transaction itself; then the batch has failed.
      if (!this.#connection.inTransaction || isFailure(this.#damage.translate(error), 'corrupt')) throw error
      this.#sql.run('ROLLBACK TO one')
      this.#sql.run('RELEASE one')
      return { write, error }
    }
  }

  /** False when another process kept the write lock through all our naps. */
  #begin(): boolean {
    if (!this.#turns.take(this.#sql, this.#queue[0]?.since)) return false
    try {
      this.#checkVersion()
    } catch (error) {
      this.#sql.run('ROLLBACK')
      throw error
    }
    return true
  }

  /** A newer program may have migrated the file since we opened it (G9). */
  #checkVersion(): void {
    const version = this.#sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0
    if (version === this.#knownVersion) return
    checkSchema(this.#sql, this.path)
    this.#knownVersion = version
  }

  /** What is damaged is not written to: writes go to the file that takes its place, where there will be one. */
  #waitForAnother(): void {
    const refusal = this.onDamage ? this.#damage.refusal : this.#damage.failure()
    if (refusal !== undefined) this.#rejectAll(this.#queue.splice(0), refusal)
  }

  #waitForTurn(): void {
    const overdue = monotonicMs() - BUSY_DEADLINE_MS
    const late = this.#queue.filter((write) => write.since < overdue)
    this.#queue = this.#queue.filter((write) => write.since >= overdue)
    for (const write of late) write.reject(fail('busy', { path: this.path, waitedMs: Math.round(monotonicMs() - write.since) }))
    const [oldest] = this.#queue
    if (!oldest) return this.#turns.giveUp()
    if (this.#scheduled) return
    this.#scheduled = true
    void sleep(this.#turns.pauseMs(oldest.since), undefined, true).then(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #rejectAll(writes: Write[], error: unknown): void {
    for (const write of writes) write.reject(this.#damage.translate(error))
  }

  explain(error: unknown): unknown {
    return mayBeDamage(error) ? this.#damage.translate(error) : error
  }
}
