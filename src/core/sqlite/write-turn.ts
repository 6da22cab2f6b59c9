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

/** BEGIN; false when another process kept the write lock through all our naps. `since`: when the oldest write began to wait. */
export function takeWriteLock(sql: Sql, since = monotonicMs()): boolean {
  const naps = Math.min(MAX_NAPS, NAPS + (monotonicMs() - since) / MORE_PATIENT_MS)
  for (let nap = 0; ; nap++) {
    try {
      sql.run('BEGIN IMMEDIATE')
      return true
    } catch (error) {
      if (!isBusy(error)) throw error
      if (nap >= naps) return false
      takeNap()
    }
  }
}

const napArray = new Int32Array(new SharedArrayBuffer(4))

/** 20 to 220 µs, jittered so that waiting processes do not march in step. */
export function takeNap(): void {
  Atomics.wait(napArray, 0, 0, 0.02 + Math.random() * 0.2)
}
