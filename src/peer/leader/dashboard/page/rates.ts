import type { Overview } from '../contract.ts'

/** Health as lines: what successive overviews say. Pure. */

/** Ten minutes, at one each five seconds. */
export const MAX_SAMPLES = 120

export interface Sample {
  readonly atMs: number
  readonly sent: number
  readonly emitted: number
  readonly unread: number
  readonly sizeBytes: number
  readonly walSizeBytes: number
  readonly buckets: readonly { readonly leMs: number; readonly count: number }[]
}

export const sampleOf = ({ now, figures, peers, stored }: Overview): Sample => ({
  atMs: Date.parse(now),
  sent: figures.sent,
  emitted: figures.emitted,
  unread: peers.reduce((n, peer) => n + peer.unread, 0),
  sizeBytes: stored.sizeBytes,
  walSizeBytes: stored.walSizeBytes,
  buckets: figures.deliveries.buckets,
})

/** Kept at least `gapMs` apart: an overview is also read whenever something happens. */
export function withSample(samples: readonly Sample[], sample: Sample, gapMs = 4_500): readonly Sample[] {
  const last = samples.at(-1)
  if (last && sample.atMs - last.atMs < gapMs && sample.atMs >= last.atMs) return samples
  return [...samples, sample].slice(-MAX_SAMPLES)
}

/** How often a second, between each sample and the next. A count that went back (a new database) is no rate. */
export function ratesOf(samples: readonly Sample[], count: (sample: Sample) => number): readonly number[] {
  return samples.slice(1).map((sample, i) => {
    const before = samples[i] as Sample // there is one more of them
    const seconds = (sample.atMs - before.atMs) / 1000
    return seconds > 0 ? Math.max(0, (count(sample) - count(before)) / seconds) : 0
  })
}

type Buckets = Sample['buckets']

/** What was counted between two samples; undefined where nothing was. */
export function bucketsBetween(before: Buckets, after: Buckets): Buckets | undefined {
  const then = new Map(before.map(({ leMs, count }) => [leMs, count]))
  const since = after.map(({ leMs, count }) => ({ leMs, count: Math.max(0, count - (then.get(leMs) ?? 0)) }))
  return since.some(({ count }) => count > 0) ? since : undefined
}

/** The bucket in which the share `p` (0 to 1) is reached: that many took at most so long. Undefined while nothing was counted. */
export function percentileMs(buckets: Buckets, p: number): number | undefined {
  const total = buckets.reduce((n, { count }) => n + count, 0)
  if (total === 0) return undefined
  let seen = 0
  for (const { leMs, count } of [...buckets].sort((a, b) => a.leMs - b.leMs)) {
    seen += count
    if (seen >= p * total) return leMs
  }
  return undefined
}

/** The last bucket has no end, and would flatten the line. */
const LONGEST_MS = 600_000

/** Delivery over time; where nobody got mail, it stays as it was. */
export function latenciesOf(samples: readonly Sample[], p: number): readonly number[] {
  let last = samples[0] ? Math.min(LONGEST_MS, percentileMs(samples[0].buckets, p) ?? 0) : 0
  return samples.slice(1).map((sample, i) => {
    const since = bucketsBetween((samples[i] as Sample).buckets, sample.buckets) // there is one more of them
    if (since) last = Math.min(LONGEST_MS, percentileMs(since, p) ?? last)
    return last
  })
}

/** A line through the values in a box; from zero up to the largest. */
export function lineOf(values: readonly number[], width: number, height: number): string {
  const largest = Math.max(...values, 0)
  const step = values.length > 1 ? width / (values.length - 1) : 0
  return values
    .map((value, i) => {
      const y = height - (largest > 0 ? (value / largest) * height : 0)
      return `${(i * step).toFixed(1)},${y.toFixed(1)}`
    })
    .join(' ')
}
