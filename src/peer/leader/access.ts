import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Store } from '../../core/store.ts'
import { Refusal } from './failures.ts'
import { actorField } from './wire.ts'

/**
 * Who may ask at all (G8). The listening socket is on loopback, and http.ts has sent away whoever called it by a foreign
 * name. Left are the pages that a browser of this machine shows, and programs without the token.
 */

/** Throws `origin` for a request that a page of another origin makes: no CSRF, whatever else it sends. */
export function fromHere(request: IncomingMessage): void {
  const { headersDistinct } = request
  const origins = headersDistinct.origin ?? []
  const port = request.socket.localPort
  const isOwn = (origin: string) =>
    [`http://127.0.0.1:${port}`, `http://localhost:${port}`, `http://[::1]:${port}`].includes(origin)
  if (origins.length > 1 || !origins.every(isOwn)) throw new Refusal('origin')
  if (opensPage(request)) return
  const sites = headersDistinct['sec-fetch-site'] ?? []
  if (!sites.every((site) => site === 'same-origin' || site === 'none')) throw new Refusal('origin')
}

/**
 * Whoever follows a link to the dashboard, from wherever, gets its empty page: it holds nothing, shows nothing without a key,
 * and cannot be framed. A browser does not mark other requests so, whatever a page would have it send.
 */
function opensPage({ method, url, headersDistinct }: IncomingMessage): boolean {
  const is = (name: string, value: string) => headersDistinct[name]?.length === 1 && headersDistinct[name][0] === value
  return method === 'GET' && url === '/' && is('sec-fetch-mode', 'navigate') && is('sec-fetch-dest', 'document')
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** `leader`: whoever can read the data directory. `browser`: a page that `slm-mesh ui` has opened, for the person at it. */
export type Bearer = 'leader' | 'browser'

/**
 * Who asks. Throws `token` unless the request bears this term's token or a browser's key. Digests are compared, in constant
 * time: neither the length nor the first wrong character shows in how long it takes.
 */
export function createBearerCheck(
  token: string,
  { browserKeys }: Pick<Store, 'browserKeys'>,
): (request: IncomingMessage) => Promise<Bearer> {
  const expected = digest(token)
  return async (request) => {
    const given = request.headersDistinct.authorization ?? []
    const [, bearer = ''] = /^bearer +(\S+) *$/i.exec(given[0] ?? '') ?? []
    // The comparison is made whatever was given.
    const isRight = timingSafeEqual(digest(bearer), expected)
    if (given.length !== 1) throw new Refusal('token')
    if (isRight) return 'leader'
    if (KEY.test(bearer) && (await browserKeys.accepts(bearer))) return 'browser'
    throw new Refusal('token')
  }
}

/** As a key is written: nothing else is looked up. */
const KEY = /^[A-Za-z0-9_-]{43}$/

/** What a browser has no business with: leading, and being a script. */
const NOT_FOR_BROWSERS: readonly string[] = ['/handover', '/register', '/unregister', '/heartbeat']

/** Throws `browser` for a route that a browser's key does not open. */
export function openTo(bearer: Bearer, path: string): void {
  if (bearer === 'browser' && NOT_FOR_BROWSERS.includes(path)) throw new Refusal('browser')
}

/** A body as its bearer may send it: a browser acts as `dashboard`, and as nobody else. Throws `browser`. */
export function actingAs(bearer: Bearer, path: string, body: Record<string, unknown>): Record<string, unknown> {
  if (bearer !== 'browser') return body
  const field = actorField(path)
  const named = body[field] ?? 'dashboard'
  // There the name is whom to leave out, and nobody acts.
  if (named !== 'dashboard' && path !== '/peers') throw new Refusal('browser')
  return { ...body, [field]: named }
}
