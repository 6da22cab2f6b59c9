/**
 * Is a history of one lock linearizable? Each grant must have had a moment between its call and its answer at which
 * the lock was free. Fencing tokens name the only order that is allowed, so that no search is needed: in that order,
 * every grant and every end of one is put at the earliest moment that is possible, and must not come too late.
 */
export interface Grant {
  readonly peer: string
  readonly token: number
  /** Between these the lock was granted. */
  readonly from: number
  readonly to: number
  readonly ttlMs: number
  /** Since when its holder was giving it back, where it did; and by when it was told that it had. */
  releasedFrom?: number
  releasedBy?: number
  /** When its holder was killed, where it was. */
  killedAt?: number
}

/** The boot clock counts in steps of 10 ms: a lifetime may end that much early. */
const CLOCK_STEP_MS = 10

/** What is wrong with a history; nothing where it is linearizable. */
export function problemsOf(history: readonly Grant[]): string[] {
  const problems: string[] = []
  const grants = [...history].sort((a, b) => a.token - b.token)
  let freeFrom = Number.NEGATIVE_INFINITY
  let before: Grant | undefined
  for (const grant of grants) {
    if (before?.token === grant.token)
      problems.push(`token ${grant.token} was granted twice, to ${before.peer} and ${grant.peer}`)
    const grantedAt = Math.max(freeFrom, grant.from)
    if (grantedAt > grant.to)
      problems.push(
        `token ${grant.token} was granted to ${grant.peer} by ${grant.to}, when ${before?.token} of ${before?.peer} was held until ${freeFrom} at least`,
      )
    const ends = [
      grant.releasedFrom ?? Number.POSITIVE_INFINITY,
      grant.killedAt ?? Number.POSITIVE_INFINITY,
      grant.from + grant.ttlMs - CLOCK_STEP_MS,
    ]
    freeFrom = Math.max(grantedAt, Math.min(...ends))
    if (grant.releasedBy !== undefined && freeFrom > grant.releasedBy)
      problems.push(`token ${grant.token} was given back by ${grant.releasedBy}, before it can have been granted`)
    before = grant
  }
  return problems
}
