/** Reads again what has changed: never twice at once, and not more often than every so many milliseconds. */

const APART_MS = 250

export interface Rereading {
  /** Soon. Asked for while one is under way: once more after it. */
  ask(): void
}

export function createRereading(read: () => Promise<void>): Rereading {
  let wanted = false
  let busy = false
  let earliest = 0
  async function run() {
    busy = true
    await new Promise((done) => setTimeout(done, Math.max(0, earliest - performance.now())))
    wanted = false
    const began = performance.now()
    await read().catch(() => {}) // the connection says by itself that nobody answers
    // What takes long is asked for less often: the leader has other things to do.
    earliest = performance.now() + Math.max(APART_MS, 4 * (performance.now() - began))
    busy = false
    if (wanted) void run()
  }
  return {
    ask() {
      wanted = true
      if (!busy) void run()
    },
  }
}
