import { isFailure } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { Log } from './log.ts'

/**
 * The mesh's time is its server's: what one machine writes is as old to all, and is pruned when its time is over, however
 * that machine's own clock goes. How far ahead the server is, is asked at each connection and every minute.
 */

const ASK_EVERY_MS = 60_000

/** How far the server's clock is ahead, ms, where it said `serverTime` (ISO) to a question between two moments of ours. */
export const aheadOf = (asked: number, answered: number, serverTime: string): number =>
  Math.round(Date.parse(serverTime) - (asked + answered) / 2)

export interface ServerClock {
  /** The server's time, as far as it is known; without it, this machine's. ms since the epoch. */
  now(): number
  /** Asks for it. Throws `unreachable`. */
  learn(): Promise<void>
}

export function createServerClock(now: () => number, log: () => Pick<Log, 'serverTime'> | undefined): ServerClock {
  let aheadMs = 0
  return {
    now: () => now() + aheadMs,
    async learn() {
      const asked = now()
      const serverTime = await log()?.serverTime()
      if (serverTime !== undefined) aheadMs = aheadOf(asked, now(), serverTime)
    },
  }
}

/** Keeps it right: clocks are set, and drift. */
export const keepLearning = (scope: Scope, clock: ServerClock, warn: (what: string, error: unknown) => void): void =>
  scope.every(
    ASK_EVERY_MS,
    clock.learn,
    (error) => isFailure(error, 'unreachable') || warn("could not ask for the server's time", error),
  )
