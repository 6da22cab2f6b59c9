import type { Store } from '../../core/store.ts'
import { VERSION } from '../../core/version.ts'

/**
 * Figures for monitoring, in Prometheus' text format (version 0.0.4). What concerns the mesh is kept in the file as it
 * happens, and goes on across leaders; what concerns requests belongs to this leader, as Prometheus expects of a process.
 */

/** Seconds; a mesh's request takes about one millisecond. */
const REQUEST_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

type Labels = Readonly<Record<string, string | number>>
type Sample = readonly [suffix: string, labels: Labels, value: number]

export function createMetrics() {
  const requests = new Map<string, { route: string; status: number; count: number }>()
  const durations = new Map<string, { counts: number[]; sumS: number; count: number }>()

  return {
    /** A request has been answered. `seconds` is undefined for one that was asked to wait, or streams. */
    observe(route: string, status: number, seconds: number | undefined): void {
      const key = `${route} ${status}`
      const seen = requests.get(key) ?? { route, status, count: 0 }
      seen.count++
      requests.set(key, seen)
      if (seconds === undefined) return
      const duration = durations.get(route) ?? { counts: REQUEST_BUCKETS_S.map(() => 0), sumS: 0, count: 0 }
      REQUEST_BUCKETS_S.forEach((le, i) => {
        if (seconds <= le) duration.counts[i] = (duration.counts[i] ?? 0) + 1
      })
      duration.sumS += seconds
      duration.count++
      durations.set(route, duration)
    },

    async text(store: Pick<Store, 'status'>, term: number, streams: number): Promise<string> {
      const { peers, locks, events, db } = await store.status.counts()
      const { messages, sent, emitted, elections, deliveries } = await store.status.figures()
      const delivered = cumulative(deliveries.buckets)
      const metrics: [name: string, type: 'gauge' | 'counter' | 'histogram', help: string, samples: Sample[]][] = [
        ['build_info', 'gauge', 'The version of the leader.', [['', { version: VERSION }, 1]]],
        ['leader_term', 'gauge', 'The term of the leader that answers.', [['', {}, term]]],
        ['elections_total', 'counter', 'Elections that were won.', [['', {}, elections]]],
        ['peers', 'gauge', 'Peers by status.', (['active', 'stale', 'away'] as const).map((s) => ['', { status: s }, peers[s]])],
        ['messages', 'gauge', 'Stored messages by state.', Object.entries(messages).map(([state, n]) => ['', { state }, n])],
        ['messages_sent_total', 'counter', 'Messages that were sent, one a recipient.', [['', {}, sent]]],
        ['locks', 'gauge', 'Locks that are held.', [['', {}, locks]]],
        ['events', 'gauge', 'Stored events.', [['', {}, events]]],
        ['events_emitted_total', 'counter', 'Events that happened.', [['', {}, emitted]]],
        [
          'message_delivery_seconds',
          'histogram',
          'Time from sending a message until its recipient was told of it or shown it.',
          histogram({}, delivered.buckets, delivered.count, deliveries.totalMs / 1000),
        ],
        [
          'http_requests_total',
          'counter',
          'Requests by route and status, of this leader.',
          [...requests.values()].map(({ route, status, count }) => ['', { route, status }, count]),
        ],
        [
          'http_request_duration_seconds',
          'histogram',
          'Time to answer a request, of this leader; without streams and calls that were asked to wait.',
          [...durations].flatMap(([route, { counts, sumS, count }]) =>
            histogram(
              { route },
              REQUEST_BUCKETS_S.map((le, i) => ({ le, count: counts[i] ?? 0 })),
              count,
              sumS,
            ),
          ),
        ],
        ['http_streams', 'gauge', 'Event streams that are open.', [['', {}, streams]]],
        ['database_size_bytes', 'gauge', 'Size of the database file.', [['', {}, db.sizeBytes]]],
        ['database_wal_size_bytes', 'gauge', 'Size of its write-ahead log.', [['', {}, db.walSizeBytes]]],
      ]
      return metrics.map(([name, type, help, samples]) => written(`slm_mesh_${name}`, type, help, samples)).join('')
    },
  }
}

/** Buckets as Prometheus counts them: each holds those before it. The last one, without a bound, is the count. */
function cumulative(buckets: readonly { leMs: number; count: number }[]) {
  let count = 0
  const all = buckets.map((bucket) => ({ le: bucket.leMs / 1000, count: (count += bucket.count) }))
  return { buckets: all.slice(0, -1), count }
}

const histogram = (labels: Labels, buckets: readonly { le: number; count: number }[], count: number, sum: number): Sample[] => [
  ...buckets.map((bucket): Sample => ['_bucket', { ...labels, le: bucket.le }, bucket.count]),
  ['_bucket', { ...labels, le: '+Inf' }, count],
  ['_sum', labels, sum],
  ['_count', labels, count],
]

function written(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([suffix, labels, value]) => {
    const text = Object.entries(labels).map(([label, given]) => `${label}="${quoted(String(given))}"`)
    return `${name}${suffix}${text.length > 0 ? `{${text.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

const quoted = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
