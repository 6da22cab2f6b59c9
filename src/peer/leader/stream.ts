import type { ServerResponse } from 'node:http'
import type { Bell } from '../../core/bell.ts'
import type { Clock } from '../../core/clock.ts'
import { newId } from '../../core/ids.ts'
import { sleep } from '../../core/scope.ts'
import type { Store } from '../../core/store.ts'
import { eventToWire } from './wire.ts'

/**
 * Events as they happen, over Server-Sent Events. Each carries its seq as the id, so that a reader who comes back with
 * `Last-Event-ID` misses nothing; where what it missed is no longer stored, it is told so (`reset`). A reader that does
 * not take what it is sent is let go: the log has it all.
 */

/** Says that the stream lives, and finds out whether its reader does. */
const PING_MS = 15_000
const MAX_STALLED_MS = 30_000
const BATCH = 200

interface StreamOptions {
  readonly store: Pick<Store, 'events'>
  readonly bell: Bell
  readonly clock: Clock
  /** The peer whose doorbell is rung for this stream. */
  readonly selfId: () => string
  readonly types: readonly string[]
  /** The seq after which to begin; undefined: now. */
  readonly after: number | undefined
  readonly signal: AbortSignal
}

/** Writes until the reader goes or the signal aborts; never throws for either. */
export async function streamEvents(response: ServerResponse, options: StreamOptions): Promise<void> {
  const { store, bell, clock, types, signal } = options
  const wanted = types.length > 0 ? types : ['*']
  const purpose = newId('e', clock.now())
  const self = options.selfId()
  await store.events.subscribe(self, wanted, purpose)
  try {
    let cursor = options.after ?? (await store.events.lastSeq())
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' })
    let alive = await write(response, ': open\n\n', signal)
    const oldest = await store.events.oldestSeq()
    if (alive && oldest !== undefined && cursor + 1 < oldest) {
      cursor = oldest - 1
      alive = await write(response, `event: reset\ndata: ${JSON.stringify({ oldest })}\n\n`, signal)
    }
    while (alive && !signal.aborted) {
      const heard = bell.count
      const { events, more } = await store.events.readAfter(cursor, wanted, BATCH)
      for (const event of events) {
        if (!alive) break
        cursor = event.seq
        alive = await write(response, `id: ${event.seq}\ndata: ${JSON.stringify(eventToWire(event))}\n\n`, signal)
      }
      if (more || !alive) continue
      await bell.wait(heard, PING_MS, signal)
      if (bell.count === heard && !signal.aborted) alive = await write(response, ': ping\n\n', signal)
    }
  } finally {
    await store.events.unsubscribe(self, [], purpose).catch(() => {}) // the term may be over, and the file closed
    response.end()
  }
}

/** False once the reader has gone, or takes nothing. */
async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<boolean> {
  if (response.destroyed || signal.aborted) return false
  if (response.write(text)) return true
  const drained = new AbortController()
  const done = () => drained.abort()
  response.once('drain', done)
  response.once('close', done)
  signal.addEventListener('abort', done, { once: true })
  await sleep(MAX_STALLED_MS, drained.signal)
  response.off('drain', done)
  response.off('close', done)
  signal.removeEventListener('abort', done)
  if (!drained.signal.aborted) response.destroy()
  return drained.signal.aborted && !response.destroyed
}
