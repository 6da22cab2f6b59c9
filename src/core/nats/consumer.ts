import type { Subscription } from '@nats-io/transport-node'
import { monotonicMs } from '../clock.ts'
import { isFailure } from '../errors.ts'
import { type Scope, sleep } from '../scope.ts'
import type { MeshConnection } from './connect.ts'

/**
 * Following the log trusts the library with nothing. The consumer is made here, from the place of the copy on; it is made anew
 * after each reconnect, when an idle heartbeat is missed, and when its count has a gap. What comes twice is passed over by
 * its place in the log.
 */

/** The server says so often that nothing has happened. */
const HEARTBEAT_MS = 1_000
/** Two of them missed: the consumer is gone, or the way to it. */
const SILENT_MS = 2_500
const LOOK_MS = 500
const AGAIN_MS = 250
/** The server forgets a consumer whose client is gone. */
const FORGOTTEN_MS = 30_000
const NANOS = 1_000_000

export interface Message {
  readonly seq: number
  readonly data: Uint8Array
}

export interface Consuming {
  /** The place after which the log is delivered. */
  readonly from: () => number
  /** Says `again` where the log has to be followed anew from there. */
  readonly deliver: (messages: readonly Message[]) => Promise<'again' | undefined>
  /** Before each consumer. */
  readonly onOpen: () => Promise<void>
}

/** What is known of the way to the server, by all who use it. */
interface Link {
  isHere(): void
  isAway(): void
  /** `monotonicMs()` of its last answer. */
  answeredAt(): number
  isRefused(): boolean
  /** The failure that an error stands for; notes what keeps us out for good. */
  known(error: unknown, doing: string): unknown
}

/** One consumer on the server, and where it delivers to. */
interface Consumer {
  readonly subscription: Subscription
  name: string | undefined
}

/** Delivers what comes, in order, until the scope ends. Returns how to follow anew, from where the copy is then. */
export function consume(
  scope: Scope,
  { nc, jsm, names }: MeshConnection,
  link: Link,
  { from, deliver, onOpen }: Consuming,
  warn: (what: string, error: unknown) => void,
): () => void {
  const current: { consumer: Consumer | undefined } = { consumer: undefined }
  let heardAt = 0
  let opening: Promise<void> | undefined
  let again = false
  const undelivered: Message[] = []
  let delivering = false

  async function hand(): Promise<void> {
    if (delivering) return
    delivering = true
    try {
      while (undelivered.length > 0 && !scope.signal.aborted) {
        const some = undelivered.slice(0, 100)
        const isMissed = (await deliver(some)) === 'again'
        undelivered.splice(0, isMissed ? undelivered.length : some.length)
        if (isMissed) reopen()
      }
    } catch (error) {
      warn('the log cannot be followed for the moment', error)
      undelivered.length = 0
      await sleep(AGAIN_MS, scope.signal)
      reopen()
    } finally {
      delivering = false
    }
  }

  async function open(): Promise<void> {
    const old = current.consumer
    current.consumer = undefined
    old?.subscription.unsubscribe()
    if (old?.name !== undefined) void jsm.consumers.delete(names.stream, old.name).catch(() => {})
    await onOpen()
    const inbox = `${names.inbox}.follow.${crypto.randomUUID()}`
    let count = 0
    const mine: Consumer = {
      name: undefined,
      subscription: nc.subscribe(inbox, {
        callback: (error, message) => {
          if (error || current.consumer !== mine) return
          heardAt = monotonicMs()
          link.isHere()
          const status = message.headers?.code
          if (status === 100) {
            const stalled = message.headers?.get('Nats-Consumer-Stalled')
            if (message.reply) message.respond()
            else if (stalled) nc.publish(stalled)
            return
          }
          if (status !== undefined && status >= 400) return reopen()
          const place = placeOf(message.reply ?? '')
          count++
          // One was missed: whatever comes now comes again.
          if (place.count !== count) return reopen()
          undelivered.push({ seq: place.seq, data: message.data })
          void hand()
        },
      }),
    }
    current.consumer = mine
    heardAt = monotonicMs()
    const info = await jsm.consumers.add(names.stream, {
      name: `c${crypto.randomUUID().replaceAll('-', '')}`,
      deliver_subject: inbox,
      filter_subject: names.log,
      deliver_policy: 'by_start_sequence',
      opt_start_seq: from() + 1,
      ack_policy: 'none',
      replay_policy: 'instant',
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      flow_control: true,
      idle_heartbeat: HEARTBEAT_MS * NANOS,
      inactive_threshold: FORGOTTEN_MS * NANOS,
      // The library names these words as constants of its own.
    } as Parameters<typeof jsm.consumers.add>[1])
    mine.name = info.name
    heardAt = monotonicMs()
  }

  async function openUntilItIs(): Promise<void> {
    while (!scope.signal.aborted) {
      const begunAt = monotonicMs()
      try {
        await open()
        return
      } catch (error) {
        const failure = link.known(error, 'follow the mesh')
        if (!isFailure(failure, 'unreachable')) warn('the log cannot be followed', failure)
        // What was asked over a lost connection fails late: others may have been answered by the next one meanwhile.
        else if (link.answeredAt() < begunAt) link.isAway()
        // Asking again what is not allowed would go on for ever, and tell nobody.
        if (link.isRefused()) return
        await sleep(AGAIN_MS, scope.signal)
      }
    }
  }

  const reopen = () => {
    if (scope.signal.aborted) return
    again = true
    if (opening) return
    const run = async () => {
      while (again && !scope.signal.aborted) {
        again = false
        await openUntilItIs()
      }
    }
    opening = run().finally(() => {
      opening = undefined
    })
  }
  scope.every(
    LOOK_MS,
    () => {
      if (!opening && !link.isRefused() && monotonicMs() - heardAt > SILENT_MS) {
        link.isAway()
        reopen()
      }
    },
    (error) => warn('the look at the log failed', error),
  )
  scope.defer(() => {
    const last = current.consumer
    current.consumer = undefined
    last?.subscription.unsubscribe()
    if (last?.name !== undefined && !nc.isClosed()) void jsm.consumers.delete(names.stream, last.name).catch(() => {})
  })
  reopen()
  return reopen
}

/** Where a delivered message stands in the stream, and the how manieth of its consumer it is. Pure. */
export function placeOf(reply: string): { seq: number; count: number } {
  const tokens = reply.split('.')
  // `$JS.ACK.<stream>.<consumer>.<tries>.<seq>.<count>.<time>.<pending>`, on newer servers with domain and account before.
  const first = tokens.length > 9 ? 4 : 2
  return { seq: Number(tokens[first + 3]), count: Number(tokens[first + 4]) }
}
