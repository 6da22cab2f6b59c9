import { monotonicMs } from '../clock.ts'
import type { Sql } from '../sql.ts'
import { isBusy } from './sqlite-errors.ts'

/** Taking turns at the one write lock, by naps of our own: SQLite's wait blocks the event loop, does not queue and is unfair. */

/** Short naps before giving the event loop back: 20 to 220 µs each, so at most about 1 ms in all. */
const NAPS = 8
/** Whoever has waited for long tries harder: SQLite has no queue, and somebody must not lose each time. One nap more for each. */
const MORE_PATIENT_MS = 20
/** At most 10 ms without the event loop. */
const MAX_NAPS = 80
/** What is shorter is waited for by naps alone. */
const SHORT_MS = 2
/** One writer that was slow says nothing about the next: no wait counts for more. */
const LONG_MS = 50

/**
 * The turns of one process. Where many write, each has to wait for the others, and whoever tries before takes the processor
 * from the one whose turn it is: so until it has waited for as long as it usually does, it leaves them alone. Who has waited
 * longest then tries most, which is as near to a queue as one comes without one.
 */
export class WriteTurns {
  /** How long a turn has lately been waited for, in ms. */
  #usual = 0

  /** BEGIN; false when another process kept the write lock through all our naps. `since`: when the oldest write began to wait. */
  take(sql: Sql, since = monotonicMs()): boolean {
    const waited = monotonicMs() - since
    const early = this.#usual > SHORT_MS && waited < this.#leaveAlone
    const naps = early ? 0 : Math.min(MAX_NAPS, NAPS + waited / MORE_PATIENT_MS)
    for (let nap = 0; ; nap++) {
      try {
        sql.run('BEGIN IMMEDIATE')
        this.#usual += (Math.min(LONG_MS, monotonicMs() - since) - this.#usual) / 5
        return true
      } catch (error) {
        if (!isBusy(error)) throw error
        if (nap >= naps) return false
        takeNap()
      }
    }
  }

  /** How long to let the event loop run before the next attempt, in ms. */
  pauseMs(since: number): number {
    return Math.max(1, this.#leaveAlone - (monotonicMs() - since))
  }

  get #leaveAlone(): number {
    return 0.85 * this.#usual
  }
}

const napArray = new Int32Array(new SharedArrayBuffer(4))

/** 20 to 220 µs, jittered so that waiting processes do not march in step. */
export function takeNap(): void {
  Atomics.wait(napArray, 0, 0, 0.02 + Math.random() * 0.2)
}
