import { headers, type Msg, type RequestOptions, type Subscription } from '@nats-io/transport-node'
import { fail, isFailure, type MeshError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import { sleep } from '../scope.ts'
import type { MeshConnection } from './connect.ts'
import { natsFailure } from './failure.ts'

/**
 * The mesh's log on the server: entries are appended on a condition, and followed from a place on.
 *
 * **Appending** is conditional on the last entry of the log: whoever has not seen it is refused. A request whose answer does
 * not come is neither done nor not done; whoever appends finds out by reading the log (shared-database.ts).
 *
 * **Following** trusts the library with nothing. The consumer is made here, from the place of the copy on; it is made anew
 * after each reconnect, when an idle heartbeat is missed, and when its count has a gap. What comes twice is passed over by
 * its place in the log.
 *
 * **Asking for the end** goes through the stream's leader: a direct get is served by any replica, and may be behind.
 */

/** The server says so often that nothing has happened. */
const HEARTBEAT_MS = 1_000
/** Two of them missed: the consumer is gone, or the way to it. */
const SILENT_MS = 2_500
const LOOK_MS = 500
const AGAIN_MS = 250
const ASK_MS = 2_000
/** A failover takes some seconds. Whoever has waited for this long reads the log instead. */
const APPEND_MS = 3_000
/** The server forgets a consumer whose client is gone. */
const FORGOTTEN_MS = 30_000
const NANOS = 1_000_000

const WRONG_LAST = new Set([10071, 10164])
const NO_MESSAGE = 10037

type Appended = { stored: number } | { conflict: number } | { unknown: unknown } | { refused: MeshError }

export interface Message {
  readonly seq: number
  readonly data: Uint8Array
}

/** One consumer on the server, and where it delivers to. */
interface Following {
  readonly subscription: Subscription
  name: string | undefined
}

export interface Log {
  /** For people: no secret in it. */
  readonly url: string
  /** What an entry may have. */
  readonly maxPayloadBytes: number
  /** Since when the server has not been reached, by the wall clock; null while it is. */
  readonly awaySince: number | null
  /** Whether there is a connection, whatever the servers are able to do. */
  readonly isLinked: boolean
  /** What keeps us out for good, such as a missing permission. */
  readonly refusal: MeshError | undefined
  /** Throws `unreachable` where it was not even sent. */
  append(data: Uint8Array, on: { id: string; lastSeq: number }): Promise<Appended>
  /** Where the log ends; 0: it is empty. Throws `unreachable`. */
  lastSeq(): Promise<number>
  /** What the stream's leader calls now (ISO), where it says. Throws `unreachable`. */
  serverTime(): Promise<string | undefined>
  /** The entry at that place, or undefined. */
  at(seq: number): Promise<Message | undefined>
  /** Delivers what comes after `from()`, in order, until the scope ends; from there again where `deliver` says so. */
  follow(on: {
    from: () => number
    deliver: (messages: readonly Message[]) => Promise<'again' | undefined>
    onOpen: () => Promise<void>
  }): void
  /** Follows anew from where the copy is now. */
  again(): void
  /** The failure that stands for the present outage. */
  away(detail: string): MeshError<'unreachable'>
}

export function openLog(scope: Scope, connection: MeshConnection, on: { warn: (what: string, error: unknown) => void }): Log {
  const { nc, jsm, names, url } = connection
  let awaySince: number | null = null
  let refusal: MeshError | undefined
  const settings = { url, tls: false }

  const known = (error: unknown, doing: string) => {
    const failure = natsFailure(error, settings, doing)
    if (isFailure(failure, 'access_denied')) refusal = failure
    return failure
  }

  /** Someone has answered, or nobody has. */
  let answeredAt = 0
  const isHere = () => {
    awaySince = null
    answeredAt = performance.now()
  }
  const isAway = () => {
    awaySince ??= Date.now()
  }

  const away = (detail: string) => fail('unreachable', { url, since: new Date(awaySince ?? Date.now()).toISOString(), detail })

  let reopen: () => void = () => {}
  /** Ends what waits for an answer over a connection that is no more: the library would wait for its time to be over. */
  const waiting = new Set<(why: MeshError) => void>()
  let isLinked = true
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection') {
        isAway()
        isLinked = false
        for (const end of waiting) end(away('the connection was lost'))
      }
      if (status.type === 'reconnect') {
        isLinked = true
        reopen()
      }
      if (status.type === 'error') known(status.error, 'use the mesh')
    }
  }
  void watch().catch((error: unknown) => on.warn('the connection is no longer watched', error))
  scope.defer(() => nc.close())

  async function request(subject: string, data: Uint8Array | string, how: RequestOptions): Promise<Msg> {
    let end: (why: MeshError) => void = () => {}
    const lost = new Promise<never>((_, reject) => {
      end = reject
    })
    waiting.add(end)
    try {
      return await Promise.race([nc.request(subject, data, how), lost])
    } finally {
      waiting.delete(end)
    }
  }

  async function append(data: Uint8Array, { id, lastSeq }: { id: string; lastSeq: number }): Promise<Appended> {
    const conditions = headers()
    conditions.set('Nats-Msg-Id', id)
    conditions.set('Nats-Expected-Last-Subject-Sequence', String(lastSeq))
    // The library would keep it, and send it when nobody waits for it any more.
    if (!isLinked) throw away('there is no connection')
    let answer: Msg
    try {
      answer = await request(names.log, data, { headers: conditions, timeout: APPEND_MS })
    } catch (error) {
      const failure = known(error, 'write to the mesh')
      if (isFailure(failure, 'access_denied')) return { refused: failure }
      isAway()
      return { unknown: failure }
    }
    isHere()
    const ack = answer.json<{ seq?: number; error?: { err_code: number; description: string; code: number } }>()
    if (ack.error === undefined) return { stored: ack.seq ?? 0 }
    // It says where the log ends; where it does not, another write is on its way, and nobody knows yet.
    if (WRONG_LAST.has(ack.error.err_code))
      return { conflict: Number(/last sequence: (\d+)/.exec(ack.error.description)?.[1] ?? 0) }
    // A cluster between two leaders, say: whether that is a no is for the log to tell.
    if (ack.error.code >= 500) return { unknown: new Error(ack.error.description) }
    return {
      refused: fail('server_unfit', {
        url,
        found: `does not store what is written: ${ack.error.description}`,
        fix: 'give the stream more room: slm-mesh init --max-bytes',
      }),
    }
  }

  /** Asks the stream's leader something of the stream. */
  async function ask<T extends object>(what: string, query: object): Promise<T & { error?: { err_code: number } }> {
    if (!isLinked) throw away('there is no connection')
    try {
      const answer = await request(`$JS.API.STREAM.${what}.${names.stream}`, JSON.stringify(query), { timeout: ASK_MS })
      const found = answer.json<T & { error?: { err_code: number; description: string } }>()
      if (found.error && found.error.err_code !== NO_MESSAGE) throw away(found.error.description)
      isHere()
      return found
    } catch (error) {
      const failure = known(error, 'read the mesh')
      if (isFailure(failure, 'unreachable')) isAway()
      throw failure
    }
  }

  async function get(query: object): Promise<Message | undefined> {
    const { message } = await ask<{ message?: { seq: number; data?: string } }>('MSG.GET', query)
    return message && { seq: message.seq, data: Buffer.from(message.data ?? '', 'base64') }
  }

  function follow({ from, deliver, onOpen }: Parameters<Log['follow']>[0]): void {
    const following: { current: Following | undefined } = { current: undefined }
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
        on.warn('the log cannot be followed for the moment', error)
        undelivered.length = 0
        await sleep(AGAIN_MS, scope.signal)
        reopen()
      } finally {
        delivering = false
      }
    }

    async function open(): Promise<void> {
      const old = following.current
      following.current = undefined
      old?.subscription.unsubscribe()
      if (old?.name !== undefined) void jsm.consumers.delete(names.stream, old.name).catch(() => {})
      await onOpen()
      const inbox = `${names.inbox}.follow.${crypto.randomUUID()}`
      let count = 0
      const mine: Following = {
        name: undefined,
        subscription: nc.subscribe(inbox, {
          callback: (error, message) => {
            if (error || following.current !== mine) return
            heardAt = performance.now()
            isHere()
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
      following.current = mine
      heardAt = performance.now()
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
      heardAt = performance.now()
    }

    async function openUntilItIs(): Promise<void> {
      while (!scope.signal.aborted) {
        const begunAt = performance.now()
        try {
          await open()
          return
        } catch (error) {
          const failure = known(error, 'follow the mesh')
          if (!isFailure(failure, 'unreachable')) on.warn('the log cannot be followed', failure)
          // What was asked over a lost connection fails late: others may have been answered by the next one meanwhile.
          else if (answeredAt < begunAt) isAway()
          // Asking again what is not allowed would go on for ever, and tell nobody.
          if (refusal) return
          await sleep(AGAIN_MS, scope.signal)
        }
      }
    }

    reopen = () => {
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
        if (!opening && !refusal && performance.now() - heardAt > SILENT_MS) {
          isAway()
          reopen()
        }
      },
      (error) => on.warn('the look at the log failed', error),
    )
    scope.defer(() => {
      const last = following.current
      following.current = undefined
      last?.subscription.unsubscribe()
      if (last?.name !== undefined && !nc.isClosed()) void jsm.consumers.delete(names.stream, last.name).catch(() => {})
    })
    reopen()
  }

  return {
    url,
    maxPayloadBytes: connection.maxPayloadBytes,
    get awaySince() {
      return awaySince
    },
    get isLinked() {
      return isLinked
    },
    get refusal() {
      return refusal
    },
    append,
    lastSeq: async () => (await get({ last_by_subj: names.log }))?.seq ?? 0,
    at: (seq) => get({ seq }),
    serverTime: async () => (await ask<{ ts?: string }>('INFO', {})).ts,
    follow,
    again: () => reopen(),
    away,
  }
}

/** The log of a server that could not be reached: for a look at what this machine last knew. */
export function noLog(url: string, why: MeshError<'unreachable'>): Log {
  const refuse = () => Promise.reject(why)
  return {
    ...{ url, maxPayloadBytes: 0, awaySince: Date.now(), isLinked: false, refusal: undefined },
    ...{ append: refuse, lastSeq: refuse, at: refuse, serverTime: refuse, follow() {}, again() {}, away: () => why },
  }
}

/** Where a delivered message stands in the stream, and the how manieth of its consumer it is. Pure. */
export function placeOf(reply: string): { seq: number; count: number } {
  const tokens = reply.split('.')
  // `$JS.ACK.<stream>.<consumer>.<tries>.<seq>.<count>.<time>.<pending>`, on newer servers with domain and account before.
  const first = tokens.length > 9 ? 4 : 2
  return { seq: Number(tokens[first + 3]), count: Number(tokens[first + 4]) }
}
