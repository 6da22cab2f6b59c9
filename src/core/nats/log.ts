import { headers, type Msg, type RequestOptions } from '@nats-io/transport-node'
import { monotonicMs } from '../clock.ts'
import { fail, isFailure, type MeshError } from '../errors.ts'
import type { Scope } from '../scope.ts'
import type { MeshConnection } from './connect.ts'
import { type Consuming, consume, type Message } from './consumer.ts'
import { natsFailure } from './failure.ts'

/**
 * The mesh's log on the server: entries are appended on a condition, and followed from a place on
 * (consumer.ts).
 *
 * **Appending** is conditional on the last entry of the log: whoever has not seen it is refused. A request whose answer does
 * not come is neither done nor not done; whoever appends finds out by reading the log (writer.ts).
 *
 * **Asking for the end** goes through the stream's leader: a direct get is served by any replica, and may be behind.
 */

const ASK_MS = 2_000
/** A failover takes some seconds. Whoever has waited for this long reads the log instead. */
const APPEND_MS = 3_000

const WRONG_LAST = new Set([10071, 10164])
const NO_MESSAGE = 10037

type Appended = { stored: number } | { conflict: number } | { unknown: unknown } | { refused: MeshError }

export interface Outage {
  /** Since when the server has not been reached, by the wall clock; null while it is. */
  readonly awaySince: number | null
  /** Since when there is no connection, by `monotonicMs`; null while there is one, whatever the servers are able to do. */
  readonly unlinkedSince: number | null
}

export interface Log extends Outage {
  /** For people: no secret in it. */
  readonly url: string
  /** What an entry may have. */
  readonly maxPayloadBytes: number
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
  follow(how: Consuming): void
  /** Follows anew from where the copy is now. */
  again(): void
  /** The failure that stands for the present outage. */
  away(detail: string): MeshError<'unreachable'>
}

export function openLog(scope: Scope, connection: MeshConnection, on: { warn: (what: string, error: unknown) => void }): Log {
  const { nc, names, url } = connection
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
    answeredAt = monotonicMs()
  }
  const isAway = () => {
    awaySince ??= Date.now()
  }

  const away = (detail: string) => fail('unreachable', { url, since: new Date(awaySince ?? Date.now()).toISOString(), detail })

  let reopen: () => void = () => {}
  /** Ends what waits for an answer over a connection that is no more: the library would wait for its time to be over. */
  const waiting = new Set<(why: MeshError) => void>()
  let unlinkedSince: number | null = null
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect' || status.type === 'staleConnection') {
        isAway()
        unlinkedSince ??= monotonicMs()
        for (const end of waiting) end(away('the connection was lost'))
      }
      if (status.type === 'reconnect') {
        unlinkedSince = null
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
    if (unlinkedSince !== null) throw away('there is no connection')
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
    if (unlinkedSince !== null) throw away('there is no connection')
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

  function follow(how: Consuming): void {
    const link = { isHere, isAway, answeredAt: () => answeredAt, isRefused: () => refusal !== undefined, known }
    reopen = consume(scope, connection, link, how, on.warn)
  }

  return {
    url,
    maxPayloadBytes: connection.maxPayloadBytes,
    get awaySince() {
      return awaySince
    },
    get unlinkedSince() {
      return unlinkedSince
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
    ...{ url, maxPayloadBytes: 0, awaySince: Date.now(), unlinkedSince: monotonicMs(), refusal: undefined },
    ...{ append: refuse, lastSeq: refuse, at: refuse, serverTime: refuse, follow() {}, again() {}, away: () => why },
  }
}
