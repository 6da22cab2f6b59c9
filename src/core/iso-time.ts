/** What a Date can say, in ms to either side of the Unix epoch. */
const MAX_MS = 8_640_000_000_000_000

/** A stored time as text. One that a damaged file made to be no time at all is shown as the nearest there is, and ends nothing. */
export function isoTime(ms: number): string {
  const at = Number.isFinite(ms) ? Math.max(-MAX_MS, Math.min(MAX_MS, ms)) : 0
  return new Date(at).toISOString()
}
