import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Refusal } from './failures.ts'

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
  const sites = headersDistinct['sec-fetch-site'] ?? []
  if (!sites.every((site) => site === 'same-origin' || site === 'none')) throw new Refusal('origin')
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/**
 * Throws `token` unless the request bears this term's token. Digests are compared, in constant time: neither the length
 * nor the first wrong character shows in how long it takes.
 */
export function createBearerCheck(token: string): (request: IncomingMessage) => void {
  const expected = digest(token)
  return (request) => {
    const given = request.headersDistinct.authorization ?? []
    const [, bearer = ''] = /^bearer +(\S+) *$/i.exec(given[0] ?? '') ?? []
    // The comparison is made whatever was given.
    const isRight = timingSafeEqual(digest(bearer), expected)
    if (!isRight || given.length !== 1) throw new Refusal('token')
  }
}
