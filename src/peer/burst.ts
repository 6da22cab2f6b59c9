import type { Change } from '../core/edits.ts'

/** Changes of files as they come, many for one write, until each has been quiet for a moment: one change a burst. */

/** Editors and builds write a file in several steps; a pause of this length ends a burst. */
const QUIET_MS = 100
/** What is written without a pause is told of this often. */
const LONGEST_MS = 1_000

interface Pending {
  readonly change: Change
  readonly first: number
  readonly last: number
}

/** What two changes in a row amount to; undefined: to nothing. Pure. */
export function together(first: Change, second: Change): Change | undefined {
  if (first === 'add') return second === 'unlink' ? undefined : 'add'
  return second === 'unlink' ? 'unlink' : 'change'
}

export function createBurst() {
  const pending = new Map<string, Pending>()
  return {
    get size() {
      return pending.size
    },

    note(path: string, change: Change, now: number): void {
      const before = pending.get(path)
      const sum = before ? together(before.change, change) : change
      if (sum === undefined) pending.delete(path)
      else pending.set(path, { change: sum, first: before?.first ?? now, last: now })
    },

    /** Takes out what has come to rest, or has waited for long enough. `at`: when it began. */
    due(now: number): { path: string; change: Change; at: number }[] {
      const due = [...pending].filter(([, { first, last }]) => now - last >= QUIET_MS || now - first >= LONGEST_MS)
      for (const [path] of due) pending.delete(path)
      return due.map(([path, { change, first }]) => ({ path, change, at: first }))
    },
  }
}
