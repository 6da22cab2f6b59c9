import { monotonicMs } from '../clock.ts'
import type { Sql } from '../sql.ts'
import { isBusy } from './sqlite-errors.ts'
import { WritersLine } from './writers-line.ts'

/** Taking turns at the one write lock: SQLite's own wait blocks the event loop, knows no order and is unfair. */

/** Whoever is next naps until the lock is free, 20 to 220 µs each, so for at most some 3 ms; then its event loop runs again. */
const NAPS = 20
/** Whoever is further back leaves so much time to each that is before it, */
const EACH_MS = 1
/** and asks again at least this often: those before it may be stopped, or gone. */
const MAX_PAUSE_MS = 20
/** For so long after others were met at the lock, more of them are expected. */
const CROWDED_MS = 1_000

/**
 * The turns of one process. Where many write, an attempt that fails costs more than it seems: it takes the processor from the
 * one that has the lock. So the processes that wait stand in a line, and only the first of them tries without pause.
 */
export class WriteTurns {
  readonly #line: WritersLine
  #crowdedUntil = 0

  /** Beside the database of that path. */
  constructor(path: string) {
    this.#line = new WritersLine(`${path}-line`)
  }

  /** BEGIN; false when it is not our turn yet. `since`: when the oldest write began to wait. */
  take(sql: Sql, since = monotonicMs()): boolean {
    const ahead = monotonicMs() < this.#crowdedUntil ? this.#line.ahead(monotonicMs() - since) : 0
    // Whoever has just come does not try before several that wait.
    const isLate = ahead > 1 && !this.#line.isIn
    for (let nap = 0; !isLate; nap++) {
      try {
        sql.run('BEGIN IMMEDIATE')
        this.#line.leave()
        return true
      } catch (error) {
        if (!isBusy(error)) {
          this.#line.leave()
          throw error
        }
        this.#crowdedUntil = monotonicMs() + CROWDED_MS
        if (ahead > 0 || nap >= NAPS) break
        this.#line.enter(monotonicMs() - since)
        takeNap()
      }
    }
    this.#line.enter(monotonicMs() - since)
    return false
  }

  /** How long to let the event loop run before the next attempt, in ms. */
  pauseMs(since: number): number {
    return Math.min(MAX_PAUSE_MS, Math.max(1, EACH_MS * this.#line.ahead(monotonicMs() - since)))
  }

  /** The next attempt is made at once, whoever waits: there may be none after it. */
  forgetCrowd(): void {
    this.#crowdedUntil = 0
  }

  /** No write waits any more. */
  giveUp(): void {
    this.#line.leave()
  }

  /** The file at the path is another one now, or none of ours any more. */
  close(): void {
    this.#line.close()
  }
}

const napArray = new Int32Array(new SharedArrayBuffer(4))

/** 20 to 220 µs, jittered so that waiting processes do not march in step. */
export function takeNap(): void {
  Atomics.wait(napArray, 0, 0, 0.02 + Math.random() * 0.2)
}
