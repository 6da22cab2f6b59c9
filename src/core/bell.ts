import { startSleep } from './scope.ts'

/**
 * Tells everything in this process that waits that the mesh may have changed. A ring says "look", never what.
 *
 * To wait without missing a ring: note `count`, look, and only then `wait(count, …)`, which returns at once if a
 * ring came in between.
 */
export class Bell {
  #count = 0
  readonly #waiting = new Set<() => void>()

  get count(): number {
    return this.#count
  }

  ring(): void {
    this.#count++
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves at the next ring after `heard`, after `ms`, or when `signal` aborts; never rejects. */
  async wait(heard: number, ms: number, signal: AbortSignal): Promise<void> {
    if (this.#count !== heard || ms <= 0 || signal.aborted) return
    const { over, end } = startSleep(ms)
    this.#waiting.add(end)
    signal.addEventListener('abort', end, { once: true })
    await over
    this.#waiting.delete(end)
    signal.removeEventListener('abort', end)
  }
}

/** Asks `look` again at every ring until it answers, `waitMs` is over (undefined) or `signal` aborts (undefined). */
export async function waitFor<T>(
  bell: Bell,
  clock: { uptime(): number },
  waitMs: number,
  signal: AbortSignal,
  look: () => Promise<{ found: T } | { again: number }>,
): Promise<T | undefined> {
  const deadline = clock.uptime() + waitMs
  for (;;) {
    const heard = bell.count
    const answer = await look()
    if ('found' in answer) return answer.found
    const left = deadline - clock.uptime()
    if (left <= 0 || signal.aborted) return undefined
    await bell.wait(heard, Math.min(left, answer.again), signal)
  }
}
