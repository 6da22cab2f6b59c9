const FIRST_MS = 100
const LONGEST_MS = 2000

/** How long to wait before the next attempt, after so many that failed: an election takes some 30 ms, a pause may last. */
export const backoffMs = (failed: number): number => Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, failed - 1))
