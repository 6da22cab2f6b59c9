import { randomBytes } from 'node:crypto'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { Bell } from '../../core/bell.ts'
import type { Clock } from '../../core/clock.ts'
import { monotonicMs } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import { doors } from '../../core/doors.ts'
import { fail, MeshError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import * as z from '../../core/schema.ts'
import type { Store } from '../../core/store.ts'
import { actingAs, type Bearer, createBearerCheck, openTo } from './access.ts'
import { parsed, readBody } from './body.ts'
import { createCalls } from './calls.ts'
import { OUTAGE_HEADER } from './client.ts'
import { PAGE_PATHS, PROOF_PATH } from './dashboard/places.ts'
import { Refusal, type RefusalCode, refusals, retryAfterS, statusOf } from './failures.ts'
import type { Handler } from './http.ts'
import { createMetrics, METRICS_TYPE } from './metrics.ts'
import { openapi } from './openapi.ts'
import { createScripts, Named, Register } from './scripts.ts'
import { streamEvents } from './stream.ts'
import { places } from './wire.ts'

/** What the leader serves to whoever bears its token. Loaded with the first request that is not for `/health`. */

const MAX_STREAMS = 32

export interface RoutesOptions {
  readonly term: number
  readonly token: string
  readonly store: Store
  readonly clock: Clock
  readonly bell: Bell
  readonly config: Pick<Config, 'rate' | 'lockTtlMinutes'>
  readonly selfId: () => string
  readonly log: Log
  /** Why the mesh cannot be seen as it is now; null where it can. */
  readonly outage: () => string | null
  /** The term's end: waits and streams end with it. */
  readonly signal: AbortSignal
  /** Gives the leadership to another. */
  readonly handOn: () => Promise<void>
}

type Env = { Bindings: HttpBindings; Variables: { waits?: boolean; bearer: Bearer } }
type Call = Context<Env>

export function createRoutes(options: RoutesOptions): Handler {
  const { term, token, store, clock, bell, log } = options
  const onError = (error: unknown) => log.warn('could not note an answer', { error })
  const scripts = createScripts(store, clock)
  const calls = createCalls({ store, clock, bell, scripts, defaults: options.config, rate: options.config.rate, onError })
  const metrics = createMetrics()
  const bearer = createBearerCheck(token, store)
  let streams = 0

  const app = new Hono<Env>({ strict: true })

  app.use(async (c, next) => {
    const begun = monotonicMs()
    await next()
    const outage = options.outage()
    if (outage !== null) c.header(OUTAGE_HEADER, encodeURI(outage))
    const route = routes.has(c.req.path) ? c.req.path : 'other'
    const isWaiting = c.get('waits') === true
    metrics.observe(route, c.res.status, isWaiting ? undefined : (monotonicMs() - begun) / 1000)
  })

  // Most leaders are never looked at.
  const dashboard = z.once(async () =>
    (await import('./dashboard/dashboard.ts')).createDashboard({ store, clock, outage: options.outage }),
  )
  for (const path of PAGE_PATHS) app.get(path, async (c) => (await dashboard()).file(path, c.req.header('accept-encoding') ?? ''))

  app.get(PROOF_PATH, async (c) => {
    const on = { term, port: c.env.incoming.socket.localPort ?? 0 }
    return c.json({ ok: true, ...(await dashboard()).proof(c.req.query(), on) })
  })

  app.use(async (c, next) => {
    c.set('bearer', await bearer(c.env.incoming))
    // A path means what it says: nothing is decoded or resolved.
    if (c.env.incoming.url?.split('?', 1)[0] !== c.req.path) throw new Refusal('no_route')
    openTo(c.get('bearer'), c.req.path)
    await next()
  })

  for (const door of doors(places)) {
    const answer = async (c: Call, given: Record<string, unknown>) => {
      const body = actingAs(c.get('bearer'), door.name, given)
      if (typeof body.wait === 'number' && body.wait > 0) c.set('waits', true)
      const output = await calls.answer(door, body, { signal: callerSignal(c, options.signal), response: c.env.outgoing })
      return c.json({ ok: true, ...output })
    }
    if (door.name === '/status') app.get(door.name, (c) => answer(c, c.req.query()))
    else app.post(door.name, async (c) => answer(c, await readBody(c.env.incoming)))
  }

  app.post('/register', async (c) => {
    const input = parsed(Register, 'register', await readBody(c.env.incoming))
    calls.spend('register')
    return c.json({ ok: true, ...(await scripts.register(input)) })
  })
  app.post('/unregister', async (c) => {
    await scripts.unregister(parsed(Named, 'unregister', await readBody(c.env.incoming)).peerId)
    return c.json({ ok: true })
  })
  app.post('/heartbeat', async (c) => {
    await scripts.heartbeat(parsed(Named, 'heartbeat', await readBody(c.env.incoming)).peerId)
    return c.json({ ok: true })
  })

  app.get('/openapi.json', (c) => c.json(openapi()))
  app.get('/metrics', async (c) => c.body(await metrics.text(store, term, streams), 200, { 'Content-Type': METRICS_TYPE }))
  app.get('/events/stream', async (c) => {
    const { types, after } = streamQuery(c)
    if (streams >= MAX_STREAMS) throw new Refusal('streams')
    c.set('waits', true)
    streams++
    const signal = callerSignal(c, options.signal)
    void streamEvents(c.env.outgoing, { store, bell, clock, selfId: options.selfId, types, after, signal })
      .catch((error: unknown) => log.warn('an event stream failed', { error }))
      .finally(() => streams--)
    return RESPONSE_ALREADY_SENT
  })

  app.get('/dashboard/overview', async (c) => c.json({ ok: true, ...(await (await dashboard()).overview()) }))
  app.get('/dashboard/messages', async (c) => c.json({ ok: true, ...(await (await dashboard()).messages(c.req.query())) }))

  app.post('/handover', async (c) => {
    parsed(Nothing, 'handover', await readBody(c.env.incoming))
    // The server goes with the leadership: first the answer leaves.
    c.env.outgoing.once('close', () => void options.handOn().catch((error: unknown) => log.warn('could not hand on', { error })))
    c.header('Connection', 'close')
    return c.json({ ok: true, term }, 202)
  })

  const routes = new Map([
    ['/health', 'GET'],
    ...app.routes.filter((r) => r.method !== 'ALL').map((r) => [r.path, r.method] as const),
  ])
  app.notFound((c) => {
    const allowed = routes.get(c.req.path)
    if (allowed !== undefined) c.header('Allow', allowed === 'GET' ? 'GET, HEAD' : allowed)
    return refused(c, allowed === undefined ? 'no_route' : 'method')
  })
  app.onError((error, c) => {
    if (error instanceof Refusal) return refused(c, error.code)
    return failed(c, error instanceof MeshError ? error : bug(error, c.req.path, log))
  })
  return getRequestListener(app.fetch, { overrideGlobalObjects: false, errorHandler: (error) => unreadable(error, log) })
}

/** Aborted when the caller has gone, or the term is over. */
function callerSignal(c: Call, term: AbortSignal): AbortSignal {
  const gone = new AbortController()
  c.env.outgoing.once('close', () => gone.abort())
  return AbortSignal.any([gone.signal, term])
}

const Nothing = z.object({})
const StreamQuery = z.object({
  types: z._default(z.string().check(z.maxLength(2_048)), ''),
  since: z.optional(z.string().check(z.regex(/^\d{1,15}$/, 'must be the seq of an event'))),
})

/** What a reader of the stream asks for; where it comes back, its `Last-Event-ID` says how far it was. */
function streamQuery(c: Call): { types: string[]; after: number | undefined } {
  const { types, since } = parsed(StreamQuery, 'events/stream', c.req.query())
  const last = c.req.header('last-event-id') ?? since
  if (last !== undefined && !/^\d{1,15}$/.test(last))
    throw fail('invalid', { operation: 'events/stream', issues: ['Last-Event-ID: must be the seq of an event'] })
  return { types: types.split(',').filter(Boolean), after: last === undefined ? undefined : Number(last) }
}

function refused(c: Call, code: RefusalCode): Response {
  const { status, error } = refusals[code]
  if (code === 'token') c.header('WWW-Authenticate', 'Bearer')
  if (code === 'streams') c.header('Retry-After', '10')
  return c.json({ ok: false, error, code }, status)
}

function failed(c: Call, error: MeshError): Response {
  const after = retryAfterS(error)
  if (after !== undefined) c.header('Retry-After', String(after))
  // All of `statusOf` are statuses that carry a body.
  return c.json({ ok: false, error: error.message, code: error.code, facts: error.facts }, statusOf[error.code] as 400)
}

/** Anything that is no failure of ours is a bug: logged with its stack, told without it. */
function bug(error: unknown, route: string, log: Log): MeshError {
  const reference = randomBytes(4).toString('hex')
  log.error('bug', { reference, route, error })
  return fail('internal', { reference }, { cause: error })
}

/** What never became a request: a malformed address, say. */
function unreadable(error: unknown, log: Log): Response {
  log.debug('unreadable request', { error })
  return Response.json({ ok: false, error: 'the request cannot be read', code: 'body' }, { status: 400 })
}
