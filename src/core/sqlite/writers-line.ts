import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { machineMs } from '../clock.ts'

/**
 * Who waits for the write lock, and since when: a small file beside the database, in which each process has a place that it
 * alone writes. It is advice. Nobody needs it to write, so whatever becomes of it, or of a process that stands in it, costs
 * the others some order and no more: two processes of one place hide each other, one that was killed stands there for
 * `STALE_MS`, and where the file cannot be had, nobody is seen waiting.
 */

const PLACES = 512
const BYTES = Float64Array.BYTES_PER_ELEMENT
/** Who has stood there for longer is thought dead. */
const STALE_MS = 2_000

export class WritersLine {
  readonly #path: string
  readonly #place: number
  readonly #now: () => number
  readonly #own = new Float64Array(1)
  readonly #all = new Float64Array(PLACES)
  #file: number | undefined

  /** `number` tells the processes of a machine apart; `now` is a clock that they share, in ms. */
  constructor(path: string, number = process.pid, now = machineMs) {
    this.#path = path
    this.#place = number % PLACES
    this.#now = now
  }

  get isIn(): boolean {
    return this.#own[0] !== 0
  }

  /** How many have waited for longer than so many ms. */
  ahead(waitedMs: number): number {
    const now = this.#now()
    const isAhead = (since: number, place: number) => place !== this.#place && since < now - waitedMs && since > now - STALE_MS
    return this.#read().reduce((count, since, place) => (isAhead(since, place) ? count + 1 : count), 0)
  }

  /** Takes its place, unless it has: it has waited for so many ms already. */
  enter(waitedMs: number): void {
    if (!this.isIn) this.#write(this.#now() - waitedMs)
  }

  leave(): void {
    if (this.isIn) this.#write(0)
  }

  /** Whoever asks again later opens the file anew, which may be another one by then. */
  close(): void {
    this.leave()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }

  #read(): Float64Array {
    try {
      return this.#all.subarray(0, readSync(this.#open(), this.#all, 0, PLACES * BYTES, 0) / BYTES)
    } catch {
      return this.#all.subarray(0, 0)
    }
  }

  #write(since: number): void {
    this.#own[0] = since
    try {
      writeSync(this.#open(), this.#own, 0, BYTES, this.#place * BYTES)
    } catch {}
  }

  #open(): number {
    this.#file ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600)
    return this.#file
  }
}
