import { latenciesOf, lineOf, percentileMs, ratesOf, type Sample } from '../rates.ts'
import { useKnown } from '../view.ts'
import { bytes, grouped, span } from '../words.ts'
import { Loading } from './parts.tsx'

/** How the mesh is: since this page was opened, ten minutes at most. */
export function Health() {
  const samples = useKnown((known) => known.samples)
  const overview = useKnown((known) => known.overview)
  if (!overview) return <Loading what="the figures" />
  const { figures, stored } = overview
  const buckets = figures.deliveries.buckets
  const { messages } = figures
  return (
    <section aria-label="Health">
      <div class="charts">
        <Chart
          name="Messages per second"
          values={ratesOf(samples, (s) => s.sent)}
          show={rate}
          now={`${grouped(figures.sent)} ever`}
        />
        <Chart
          name="Events per second"
          values={ratesOf(samples, (s) => s.emitted)}
          show={rate}
          now={`${grouped(figures.emitted)} ever`}
        />
        <Chart
          name="Delivery, p50"
          values={latenciesOf(samples, 0.5)}
          show={took}
          now={`all: ${took(percentileMs(buckets, 0.5))}`}
        />
        <Chart
          name="Delivery, p95"
          values={latenciesOf(samples, 0.95)}
          show={took}
          now={`all: ${took(percentileMs(buckets, 0.95))}`}
        />
        <Chart
          name="Unread messages"
          values={levels(samples, (s) => s.unread)}
          show={grouped}
          now={`${grouped(stored.messages)} stored`}
        />
        <Chart
          name="Database"
          values={levels(samples, (s) => s.sizeBytes)}
          show={bytes}
          now={`${grouped(stored.events)} events stored`}
        />
        <Chart
          name="Write-ahead log"
          values={levels(samples, (s) => s.walSizeBytes)}
          show={bytes}
          now="written into the database as it grows"
        />
      </div>
      <dl class="facts health-facts">
        {(['queued', 'notified', 'seen', 'acked', 'expired'] as const).map((state) => (
          <div key={state}>
            <dt>Messages {state}</dt>
            <dd>{grouped(messages[state])}</dd>
          </div>
        ))}
        <div>
          <dt>Elections</dt>
          <dd>{grouped(overview.elections)}</dd>
        </div>
        <div>
          <dt>Version</dt>
          <dd>{overview.version}</dd>
        </div>
      </dl>
    </section>
  )
}

const levels = (samples: readonly Sample[], of: (sample: Sample) => number) => samples.map(of)
const rate = (n: number) => (n >= 10 ? grouped(Math.round(n)) : n.toFixed(1))
const LONGEST_MS = 300_000

/** Buckets say "at most". */
function took(ms: number | undefined): string {
  if (ms === undefined || ms === 0) return '–'
  if (ms > LONGEST_MS) return `> ${span(LONGEST_MS)}`
  return ms < 1000 ? `≤ ${ms} ms` : `≤ ${span(ms)}`
}

interface ChartProps {
  readonly name: string
  readonly values: readonly number[]
  readonly show: (value: number) => string
  readonly now: string
}

const [WIDTH, HEIGHT] = [240, 44]

function Chart({ name, values, show, now }: ChartProps) {
  const last = values.at(-1)
  const largest = Math.max(0, ...values)
  const words = last === undefined ? `${name}: not enough yet` : `${name}: ${show(last)} now, ${show(largest)} at most`
  const line = lineOf(values, WIDTH, HEIGHT)
  return (
    <div class="chart">
      <p class="chart-name">{name}</p>
      <p class="chart-now">{last === undefined ? '…' : show(last)}</p>
      <svg viewBox={`0 -2 ${WIDTH} ${HEIGHT + 4}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {values.length > 1 && (
          <>
            <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
            <polyline points={line} />
          </>
        )}
        {values.length <= 1 && <path d={`M0 ${HEIGHT}H${WIDTH}`} class="baseline" />}
      </svg>
      <p class="dim">{now}</p>
    </div>
  )
}
