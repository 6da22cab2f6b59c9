import { monotonicMs } from '../clock.ts'
import { MeshError } from '../errors.ts'
import { sleep } from '../scope.ts'
import type { Copy } from './copy.ts'
import type { Log } from './log.ts'

/** Whether the copy has what the log has: waiting until it does, for readers and for whoever writes next. */

/** How long one waits for what others have written just before. */
const CATCH_UP_MS = 2_000

export class CatchUp {
  #closed = false
  readonly #heard = new Set<() => void>()
  #asking: Promise<void> | undefined
  #askNext: Promise<void> | undefined

  constructor(
    private readonly copy: Pick<Copy, 'position'>,
    private readonly log: Pick<Log, 'awaySince' | 'refusal' | 'lastSeq' | 'away'>,
  ) {}

  /** What has been delivered from the log is here: applied by this process, or by another of this machine before. */
  heard(): void {
    for (const wake of [...this.#heard]) wake()
  }

  /** Waits until the copy has what the log has now; for a while, and not where the server is away. */
  soon(): Promise<void> {
    if (this.log.awaySince !== null || this.log.refusal) return Promise.resolve()
    if (!this.#asking) {
      this.#asking = this.#ask()
      return this.#asking
    }
    // Whoever comes while one is asking may mean what has been written since it asked: the next one is for all of them.
    this.#askNext ??= this.#asking.then(() => {
      this.#askNext = undefined
      return this.soon()
    })
    return this.#askNext
  }

  async #ask(): Promise<void> {
    try {
      await this.reach()
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
    } finally {
      this.#asking = undefined
    }
  }

  /** The end of the log as its leader knows it, once the copy has it. Throws `unreachable`, and after `ms`. */
  async reach(ms = CATCH_UP_MS): Promise<number> {
    const seq = await this.log.lastSeq()
    await this.has(seq, ms)
    return seq
  }

  /** Once the copy has the entry at that place. Throws `unreachable` after `ms`. */
  async has(seq: number, ms = CATCH_UP_MS): Promise<void> {
    const deadline = monotonicMs() + ms
    while (this.copy.position().seq < seq) {
      const left = deadline - monotonicMs()
      if (left <= 0 || this.#closed) throw this.log.away('this machine has not caught up with the mesh')
      const woken = new AbortController()
      const wake = () => woken.abort('heard')
      this.#heard.add(wake)
      await sleep(Math.min(left, 250), woken.signal, true)
      this.#heard.delete(wake)
    }
  }

  close(): void {
    this.#closed = true
    this.heard()
  }
}
