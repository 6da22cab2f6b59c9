import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import { createConnection, type Socket } from 'node:net'
import { type Code, type Facts, fail, MeshError } from '../../core/errors.ts'
import type { Event } from '../../core/event.ts'
import type { Caller, OperationName } from '../../core/operations.ts'
import { bodyOf, eventFromWire, fromWire, places } from './wire.ts'

/**
 * The other side of routes.ts: the leader's REST surface as a `Caller`.
 *
 * Whatever listens on a port may be a stranger. So before the token is sent, the listener must prove that it knows it: it
 * answers a challenge with an HMAC that also names its port, so that nobody can pass the question on to the real leader.
 * The token then goes over that very connection; when it closes, the whole is asked anew.
 *
 * Nobody needs to look at the database first. A term's token is known to the process of that term alone and to who may read
 * the data directory; that process looks at its row before each answer, `/health` included (health.ts), and proves nothing
 * once its term is over; one that is stopped does not answer. So who proves itself is the leader that the database names.
 */

export interface LeaderAddress {
  readonly port: number
  readonly token: string
  /** The loopback address to dial first; never a name, which could lead elsewhere. */
  readonly host: string
}

interface StreamOptions {
  readonly types: readonly string[]
  /** Events after this seq; undefined: from now on. */
  readonly after?: number | undefined
  readonly signal: AbortSignal
}

export interface LeaderClient {
  /** The term of the leader, as it has proven it. */
  readonly term: number
  /** False once the connection has closed, as an idle one does after some seconds: nothing can be asked any more. */
  readonly isOpen: boolean
  /** Why the last answer may be old, in a sentence; null where it is not. */
  readonly outage: string | null
  /** Calls as `reference`: `cli`, `dashboard`, or a registered script; for the inbox, whose it is. Throws `MeshError`. */
  as(reference: string): Caller
  /** Any route. Throws `MeshError` for what is answered with `ok: false`. */
  ask(method: 'GET' | 'POST', path: string, body?: object, signal?: AbortSignal): Promise<Record<string, unknown>>
  /** Events as they happen. Ends when the connection does; occupies it, so that nothing else can be asked meanwhile. */
  stream(options: StreamOptions): AsyncIterable<Event | { reset: number }>
  close(): void
}

export const CHALLENGE_HEADER = 'slm-mesh-challenge'
/** Beside any answer while the leader cannot see what the other machines do: why, as a URI has it. */
export const OUTAGE_HEADER = 'slm-mesh-outage'

/** What only the holder of the token can answer. */
export const proofOf = (token: string, challenge: string, on: { port: number; term: number; pid: number }): string =>
  createHmac('sha256', token).update(`${challenge} ${on.port} ${on.term} ${on.pid}`).digest('hex')

/** Undefined where nobody answers in time, or whoever does is not that leader. */
export async function connectLeader(address: LeaderAddress, timeoutMs: number): Promise<LeaderClient | undefined> {
  const hosts = address.host === '::1' ? ['::1', '127.0.0.1'] : ['127.0.0.1', '::1']
  for (const host of hosts) {
    const client = await connectTo(address, host, timeoutMs)
    if (client) return client
  }
  return undefined
}

async function connectTo(address: LeaderAddress, host: string, timeoutMs: number): Promise<LeaderClient | undefined> {
  const socket = await open(host, address.port, timeoutMs)
  if (!socket) return undefined
  const client = clientOver(socket, host, address)
  const term = await provenTerm(client, address, timeoutMs)
  if (term !== undefined) return Object.assign(client, { term })
  client.close()
  return undefined
}

/** Connects, or gives up. */
function open(host: string, port: number, timeoutMs: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.once('connect', () => {
      socket.setTimeout(0)
      resolve(socket)
    })
    socket.on('error', () => {})
    socket.once('close', () => resolve(undefined))
  })
}

/** The term that the listener leads in; undefined where it has not proven that it does. */
async function provenTerm(client: Client, { port, token }: LeaderAddress, timeoutMs: number): Promise<number | undefined> {
  const challenge = randomBytes(32).toString('hex')
  try {
    const health = await client.challenge(challenge, timeoutMs)
    const [term, pid] = [Number(health.term), Number(health.pid)]
    const proof = Buffer.from(String(health.proof), 'hex')
    const expected = Buffer.from(proofOf(token, challenge, { port, term, pid }), 'hex')
    return proof.length === expected.length && timingSafeEqual(proof, expected) ? term : undefined
  } catch {
    return undefined // whoever answers so is not the leader
  }
}

interface Client extends Omit<LeaderClient, 'term'> {
  challenge(challenge: string, timeoutMs: number): Promise<Record<string, unknown>>
}

/** More than any answer of the mesh; a stranger may send without end. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

function clientOver(socket: Socket, host: string, { port, token }: LeaderAddress): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let handed = false
  // One connection for all: another one might lead to somebody else.
  agent.createConnection = () => {
    if (handed) throw new Error('the connection to the leader is closed')
    handed = true
    return socket
  }

  function send(
    options: { method: string; path: string; headers: Record<string, string | number>; signal?: AbortSignal | undefined },
    body?: string,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      if (socket.destroyed) return reject(new Error('the connection to the leader is closed'))
      const { signal, ...rest } = options
      const asking = request({ agent, host, port, ...rest, ...(signal && { signal }) }, resolve)
      asking.once('error', reject)
      asking.end(body)
    })
  }

  let outage: string | null = null

  async function read(response: IncomingMessage): Promise<Record<string, unknown>> {
    const [told] = response.headersDistinct[OUTAGE_HEADER] ?? []
    outage = told === undefined ? null : decodeURI(told)
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response) {
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too long')
      chunks.push(chunk)
    }
    const answer: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw new Error('the answer is no object')
    return answer as Record<string, unknown> // a JSON object
  }

  const authorization = `Bearer ${token}`
  const client: Client = {
    get isOpen() {
      return !socket.destroyed
    },
    get outage() {
      return outage
    },

    async challenge(challenge, timeoutMs) {
      socket.setTimeout(timeoutMs, () => socket.destroy())
      const answer = await read(await send({ method: 'GET', path: '/health', headers: { [CHALLENGE_HEADER]: challenge } }))
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      return answer
    },

    async ask(method, path, body, signal) {
      const json = body === undefined ? undefined : JSON.stringify(body)
      const headers = {
        authorization,
        ...(json !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) }),
      }
      let answer: Record<string, unknown>
      try {
        answer = await read(await send({ method, path, headers, signal }, json))
      } catch (error) {
        if (signal?.aborted) throw fail('cancelled', { operation: path }, { cause: error })
        throw fail('unknown_outcome', { operation: path.slice(1) }, { cause: error })
      }
      if (answer.ok === false) throw errorFrom(answer)
      return answer
    },

    as: (reference) => async (name, input, options) => {
      const [path] = places[name]
      const body = bodyOf(name, input, reference)
      const asked =
        name === 'mesh.status'
          ? client.ask('GET', `${path}?peerId=${encodeURIComponent(reference)}`, undefined, options?.signal)
          : client.ask('POST', path, body, options?.signal)
      const answer = await asked.catch((error: unknown) => {
        throw named(error, name)
      })
      // REST says that an entry is not there with an empty answer, as its clients expect.
      if ((name === 'state.get' || name === 'state.delete') && answer.entry === null) {
        const { key = '', namespace = 'default' } = body
        throw fail('not_found', { what: `entry in namespace ${namespace}`, id: String(key) })
      }
      return fromWire(name, answer)
    },

    async *stream({ types, after, signal }) {
      const query = new URLSearchParams({ ...(types.length > 0 && { types: types.join(',') }) })
      const headers = {
        authorization,
        accept: 'text/event-stream',
        ...(after !== undefined && { 'last-event-id': String(after) }),
      }
      const response = await send({ method: 'GET', path: `/events/stream?${query}`, headers, signal })
      if (response.statusCode !== 200) throw errorFrom(await read(response))
      let text = ''
      response.setEncoding('utf8')
      for await (const chunk of response) {
        text += chunk
        for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
          const event = parseEvent(text.slice(0, end))
          text = text.slice(end + 2)
          if (event) yield event
        }
      }
    },

    close() {
      agent.destroy()
      socket.destroy()
    },
  }
  return client
}

/** One block of an event stream; comments are nothing. */
function parseEvent(block: string): Event | { reset: number } | undefined {
  const lines = block.split('\n')
  const data = lines.find((line) => line.startsWith('data: '))?.slice(6)
  if (data === undefined) return undefined
  const value = JSON.parse(data)
  return lines.includes('event: reset') ? { reset: value.oldest } : eventFromWire(value)
}

/** The error that the leader answered, as what it was there. */
function errorFrom(answer: Record<string, unknown>): Error {
  const { code, facts, error } = answer
  if (typeof code === 'string' && typeof facts === 'object' && facts !== null)
    return new MeshError(code as Code, facts as Facts[Code]) // as the leader's own MeshError was
  return new Error(String(error))
}

const named = (error: unknown, operation: OperationName) =>
  error instanceof MeshError && error.code === 'unknown_outcome'
    ? fail('unknown_outcome', { operation }, { cause: error })
    : error
