import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

/**
 * Two clocks for two questions. People ask *when*: that is the wall clock, which jumps.
 * Lifetimes ask *how long*: that is the boot clock, which all processes of one machine share, which
 * counts sleep and never jumps. A lifetime is only comparable within one boot.
 */
export interface Clock {
  /** Wall clock, ms since the Unix epoch. For showing and for retention, never for lifetimes. */
  now(): number
  /** Boot clock, ms since the machine started, sleep included; at most 10 ms behind on Linux. */
  uptime(): number
  /** Names this boot of this machine; another value means that every process of the other boot is gone. */
  readonly bootId: string
}

/**
 * Milliseconds since this process started, which never go back: for what lasts within it. `performance` tells the like, and takes
 * two milliseconds to load, which every command and every hook would wait for.
 */
export const monotonicMs = (): number => process.uptime() * 1_000

/** Milliseconds that all processes of this machine count from the same moment, and that never go back. They may stand still in its sleep. */
export const machineMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** How soon a sleep of the machine is noticed. */
const READ_AGAIN_MS = 5

export const systemClock: Clock = {
  now: () => Date.now(),
  uptime: carriedOn(() => Math.round(uptime() * 1000), READ_AGAIN_MS),
  bootId: readBootId(process.platform),
}

/**
 * Asking the system opens a file on Linux, which takes as long as a small transaction: between two questions, what has passed
 * is added. The system counts in steps, so that may be ahead of its next answer, and is then nearer to the truth: a clock that
 * is carried on is hardly further behind than the system's own, and never goes back. Whole milliseconds. Pure but for its memory.
 *
 * A process that is stopped while it asks has its answer late. That must not put the clock ahead of the time, for good: it would
 * end the locks of others early. So an answer counts from when it is there, and what it is late by is made good by later ones.
 */
export function carriedOn(read: () => number, everyMs: number, monotonic = monotonicMs): () => number {
  let ahead = Number.NEGATIVE_INFINITY
  let askedAt = Number.NEGATIVE_INFINITY
  return () => {
    let now = monotonic()
    if (now - askedAt >= everyMs) {
      const told = read()
      now = monotonic()
      ahead = Math.max(ahead, told - now)
      askedAt = now
    }
    return Math.floor(now + ahead)
  }
}

function readBootId(platform: NodeJS.Platform): string {
  try {
    if (platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    if (platform === 'darwin')
      return execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
  } catch {
    // Without a boot id, a process is still told apart by its pid and start time.
  }
  return platform
}
