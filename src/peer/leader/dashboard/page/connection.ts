import type { Overview } from '../contract.ts'
import { type Ask, Refused, sentenceOf, type Trust } from './ask.ts'
import { backoffMs } from './backoff.ts'
import type { Link } from './model.ts'
import { createReader } from './sse.ts'
import type { WireEvent } from './wire.ts'

/**
 * The page's tie to whoever leads. It reads the overview, then follows the stream of events from where that stood. When
 * the stream ends (a leader's change takes some 30 ms, its port stays), it comes back with the last event that it has
 * seen, so that none is missed. What was shown stays meanwhile, marked as old. A refused key ends it: only a new link helps.
 */

/** The leader pings every 15 s; a stream that says nothing for longer has no leader behind it. */
const SILENT_MS = 35_000

interface On {
  link(link: Link): void
  overview(overview: Overview): void
  events(events: readonly WireEvent[]): void
  /** The database was made anew, and counts from the start: what was known is of another. */
  anew(): void
  /** The log now begins here: what came before is no longer stored. */
  reset(oldest: number): void
}

interface Given {
  readonly key: string
  readonly ask: Ask
  readonly trust: Trust
  readonly on: On
  readonly signal: AbortSignal
}

export async function stayConnected({ key, ask, trust, on, signal }: Given): Promise<void> {
  let last: number | undefined
  let failed = 0
  while (!signal.aborted) {
    try {
      await trust.renew()
      const overview = await ask<Overview>('/dashboard/overview')
      if (last !== undefined && last > overview.lastEvent) {
        on.anew()
        last = undefined
      }
      last ??= overview.lastEvent
      on.overview(overview)
      await follow({ key, on, signal }, last, {
        open: () => {
          failed = 0
          on.link({ state: 'live' })
        },
        seen: (seq) => (last = seq),
      })
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refused && error.status === 401) return on.link({ state: 'signed-out' })
      trust.lose()
      failed++
      on.link({ state: 'offline', why: sentenceOf(error) })
    }
    await pause(backoffMs(failed), signal)
  }
}

interface Following {
  open(): void
  seen(seq: number): void
}

async function follow({ key, on, signal }: Pick<Given, 'key' | 'on' | 'signal'>, after: number, { open, seen }: Following) {
  const over = new AbortController()
  const end = () => over.abort()
  signal.addEventListener('abort', end, { once: true })
  let silence = setTimeout(end, SILENT_MS)
  try {
    const response = await fetch(`/events/stream?since=${after}`, {
      headers: { Authorization: `Bearer ${key}`, 'Last-Event-ID': String(after), Accept: 'text/event-stream' },
      cache: 'no-store',
      signal: over.signal,
    }).catch(() => null)
    if (!response) throw new Refused(0, 'offline', 'no leader answers at the moment')
    if (!response.ok || !response.body) throw new Refused(response.status, 'stream', await reasonOf(response))
    open()
    const frames = createReader()
    const decoder = new TextDecoder()
    const reader = response.body.getReader()
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }))
      if (done) throw new Refused(0, 'offline', 'the leader has gone; the next one is asked')
      clearTimeout(silence)
      silence = setTimeout(end, SILENT_MS)
      const events: WireEvent[] = []
      for (const frame of frames(decoder.decode(value, { stream: true }))) {
        const data = JSON.parse(frame.data)
        if (frame.event === 'reset') on.reset(data.oldest)
        else events.push(data)
      }
      const newest = events.at(-1)
      if (newest) {
        seen(newest.seq)
        on.events(events)
      }
    }
  } finally {
    clearTimeout(silence)
    signal.removeEventListener('abort', end)
    end()
  }
}

const reasonOf = async (response: Response): Promise<string> => {
  const body: { error?: string } = await response.json().catch(() => ({}))
  return body.error ?? `the leader answered ${response.status}`
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        done()
      },
      { once: true },
    )
  })
