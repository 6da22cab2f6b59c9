import { monotonicMs } from '../clock.ts'
import { fail, isFailure } from '../errors.ts'
import { type Scope, sleep } from '../scope.ts'
import type { Transaction } from '../sql.ts'
import type { Database } from '../sqlite/database.ts'
import { KNOWN_SCHEMA } from '../sqlite/migrate.ts'
import type { CatchUp } from './catch-up.ts'
import { type Copy, newEntryId, positionOf } from './copy.ts'
import { encodeEntry } from './entry.ts'
import type { Log, Outage } from './log.ts'
import { type Change, type Trial, tryOut, Undo } from './recorder.ts'

/**
 * Writes to the mesh of several machines, as many at once as fit.
 *
 * **A write** is tried on the copy and undone, which says what it would change and what its caller would be told. That is
 * appended to the log on the condition that nothing has been since the state on which it was tried, and applied to the copy
 * when the log has it. So every change happened on exactly the state on which it was computed, in one order for all: what the
 * primitives promise on one machine they promise on all, by the same lines. Who comes second catches up and tries again.
 *
 * **Nobody is told what is not so.** A caller is answered when the log has its entry (G1). What changes nothing (a refusal, a
 * lock that somebody holds) is no entry: then the log is asked whether the copy was at its end, and if not it is tried again.
 *
 * **An answer that does not come** is an outcome that is not known. Then the log is read to its end, and the entry looked for
 * by its id: it is there, and done; or it is not, and is tried again, on a state that excludes that the first one is still
 * taken, because it was conditional on an earlier one. Under both, at most one of them is in the log.
 */

/** As many as fit an entry; more would make one transaction too long for every machine. */
const MAX_BATCH = 128
/** Of what is not compressed yet: an entry is a message, and may have a megabyte. */
const BATCH_BYTES = 512 * 1024
/** Room for headers and the subject in what the server takes as one message. */
const HEADROOM_BYTES = 4_096
/** As on one machine, where the server cannot be reached; with a server that is electing a leader, a little longer. */
const PATIENCE_MS = 5_000
const FAILOVER_MS = 15_000
/** Once it has been away for long, there is no use in everybody waiting. */
const KNOWN_AWAY_MS = 20_000
const SHORT_PATIENCE_MS = 1_000
const MAX_PAUSE_MS = 25
const NO_LINK_MS = 100
const COURTESY_MS = 4

export interface WriterOptions {
  readonly scope: Scope
  readonly hostId: string
  readonly now: () => number
  readonly warn: (what: string, error: unknown) => void
  /** Passes once the file is a copy. */
  readonly settled: () => Promise<void>
}

interface Write {
  readonly change: Change
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly since: number
}

interface Attempt {
  readonly id: string
  readonly trial: Trial
}

type Tried = { found: Attempt } | { trial: Trial; at: { seq: number; entry: string | null } }

/**
 * Until when a write that has waited `since` then is tried again, on the clock of `monotonicMs`. One that waits for servers to
 * elect a leader, and loses its connection meanwhile, has time to find another server, which may have elected one. Pure.
 */
export function patienceEnds(since: number, { awaySince, unlinkedSince }: Outage, now: number): number {
  if (awaySince !== null && now - awaySince > KNOWN_AWAY_MS) return since + SHORT_PATIENCE_MS
  const failover = since + FAILOVER_MS
  return unlinkedSince === null ? failover : Math.min(failover, Math.max(since, unlinkedSince) + PATIENCE_MS)
}

export class Writer {
  #queue: Write[] = []
  #writing = false
  #lastStored = 0
  #closed = false

  constructor(
    private readonly file: Pick<Database, 'write'>,
    private readonly copy: Copy,
    private readonly log: Log,
    private readonly catchUp: CatchUp,
    private readonly on: WriterOptions,
  ) {}

  write<T>(change: (tx: Transaction) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(fail('closed', { why: 'the database is closed' }))
      // The queue holds changes of many types; `resolve` of each gets the value of its own `change`.
      this.#queue.push({ change, resolve: resolve as (value: unknown) => void, reject, since: monotonicMs() })
      void this.#writeAll()
    })
  }

  close(): void {
    this.#closed = true
    const closed = fail('closed', { why: 'the database is closed' })
    for (const write of this.#queue.splice(0)) write.reject(closed)
  }

  async #writeAll(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    // Those of one tick are written together.
    await Promise.resolve()
    try {
      while (this.#queue.length > 0 && !this.#closed) await this.#writeSome()
    } finally {
      this.#writing = false
    }
  }

  async #writeSome(): Promise<void> {
    const batch = this.#queue.splice(0, MAX_BATCH)
    const attempts: Attempt[] = []
    let isBehind = false
    let next = 0
    for (let tries = 0; ; tries++) {
      try {
        await this.on.settled().catch(() => {}) // whoever moved is told
        // Whoever has just been second knows how far it has to read, and need not ask.
        if (next > 0) await this.catchUp.has(next)
        else if (isBehind) await this.catchUp.reach()
        isBehind = true
        next = 0
        const tried = await this.#tryOut(batch, attempts)
        if ('found' in tried) return this.#settle(batch, tried.found.trial)
        // Those that did not fit come first in the next one; never once some of them may have been stored together.
        this.#queue.unshift(...batch.splice(tried.trial.outcomes.length))
        const { trial, at } = tried
        if (trial.statements.length === 0) {
          // Nothing happens; but is what was looked at the present?
          if ((await this.log.lastSeq()) <= at.seq) return this.#settle(batch, trial)
          continue
        }
        const appended = await this.#append(batch, attempts, trial, at)
        if (appended === 'settled') return
        next = appended
      } catch (error) {
        if (!isFailure(error, 'unreachable')) return this.#rejectAll(batch, error)
      }
      if (this.#closed) return this.#rejectAll(batch, fail('closed', { why: 'the database is closed' }))
      if (this.log.refusal) return this.#rejectAll(batch, this.log.refusal)
      if (batch.every(({ since }) => monotonicMs() > patienceEnds(since, this.log, Date.now())))
        return this.#giveUp(batch, attempts)
      const pauseMs = this.log.unlinkedSince === null ? Math.random() * Math.min(MAX_PAUSE_MS, tries) : NO_LINK_MS
      await sleep(pauseMs, this.on.scope.signal, true)
    }
  }

  /** Settled: stored, or refused for good. Else where the log ends now, or 0 where that is not known. */
  async #append(
    batch: Write[],
    attempts: Attempt[],
    trial: Trial,
    at: { seq: number; entry: string | null },
  ): Promise<'settled' | number> {
    const entry = {
      ...{ id: newEntryId(this.on.now()), after: at.entry, schema: KNOWN_SCHEMA, host: this.on.hostId },
      ...{ statements: trial.statements, check: trial.check },
    }
    const data = encodeEntry(entry)
    const limitBytes = this.log.maxPayloadBytes - HEADROOM_BYTES
    if (data.length > limitBytes) {
      if (batch.length === 1 || attempts.length > 0) {
        this.#rejectAll(batch, fail('too_large', { what: 'this change', limitBytes, actualBytes: data.length }))
        return 'settled'
      }
      this.#queue.unshift(...batch.splice(Math.ceil(batch.length / 2)))
      return 0
    }
    const appended = await this.log.append(data, { id: entry.id, lastSeq: at.seq })
    if ('stored' in appended) {
      try {
        await this.copy.apply([{ seq: appended.stored, bytes: data.length, entry }])
      } catch (error) {
        // It is stored, and will be here as soon as this machine's file lets it.
        this.on.warn('what was stored could not be applied yet', error)
      }
      this.#settle(batch, trial)
      // Others write, too: whoever comes from further away than we do must not always be second.
      if (at.seq !== this.#lastStored && this.#lastStored > 0) await sleep(Math.random() * COURTESY_MS, undefined, true)
      this.#lastStored = appended.stored
      return 'settled'
    }
    if ('refused' in appended) {
      this.#rejectAll(batch, appended.refused)
      return 'settled'
    }
    if ('unknown' in appended) attempts.push({ id: entry.id, trial })
    return 'conflict' in appended ? appended.conflict : 0
  }

  /** On the copy as it is; undone. Finds out first whether an earlier attempt has been taken. */
  async #tryOut(batch: readonly Write[], attempts: readonly Attempt[]): Promise<Tried> {
    try {
      await this.file.write((tx) => {
        const found = attempts.find(({ id }) => this.copy.has(tx, id))
        if (found) throw new Undo<Tried>({ found })
        const at = positionOf(tx)
        const changes = batch.map(({ change }) => change)
        throw new Undo<Tried>({ trial: tryOut(tx, changes, attempts.length === 0 ? BATCH_BYTES : Number.POSITIVE_INFINITY), at })
      })
      throw new Error('a trial was not undone')
    } catch (error) {
      if (error instanceof Undo) return error.value as Tried // thrown two lines above
      throw error
    }
  }

  #settle(batch: readonly Write[], trial: Trial): void {
    batch.forEach((write, i) => {
      const outcome = trial.outcomes[i]
      if (!outcome || 'error' in outcome) write.reject(outcome?.error)
      else write.resolve(outcome.value)
    })
    for (const run of trial.after.values()) run()
  }

  #giveUp(batch: readonly Write[], attempts: readonly Attempt[]): void {
    const detail =
      attempts.length === 0
        ? 'nothing was changed'
        : 'whether this was stored is not known: look, once the server is back, before you repeat it'
    this.#rejectAll(batch, this.log.away(detail))
  }

  #rejectAll(writes: readonly Write[], error: unknown): void {
    for (const write of writes) write.reject(error)
  }
}
