import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks `look` again until it neither throws nor returns false or undefined, and returns what it found. There are no
 * sleeps as synchronisation in these tests: every wait is for a condition, with a deadline.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { within = 60_000, every = 10 }: { within?: number; every?: number } = {},
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + within
  for (;;) {
    let problem: unknown
    try {
      const found = await look()
      if (found !== false && found !== undefined) return found as Exclude<T, false | undefined>
      problem = new Error(`still ${String(found)}`)
    } catch (error) {
      problem = error
    }
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${String(problem)}`, { cause: problem })
    await sleep(every)
  }
}
