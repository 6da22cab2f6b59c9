import type { IncomingMessage, ServerResponse } from 'node:http'
import { VERSION } from '../../core/version.ts'
import { fromHere } from './access.ts'
import { CHALLENGE_HEADER, proofOf } from './client.ts'
import { Refusal, refusals, statusOf } from './failures.ts'
import { answer, type Handler } from './http.ts'

/**
 * The front door. `/health` is answered here and at once: it is what failover is measured by, and what a client asks
 * before it tells the token. The other routes, and the framework that they stand on, are loaded when the first request
 * needs them: most leaders never serve one.
 */

interface FrontOptions {
  readonly term: number
  readonly token: string
  readonly startedAt: number
  readonly uptime: () => number
  /** Asked before every answer: a leader whose term is over serves nothing (G3). */
  readonly isLeading: () => boolean
  readonly onDeposed: () => void
  readonly loadRoutes: () => Promise<Handler>
  /** The routes cannot be loaded: another had better lead. */
  readonly onUnable: (error: unknown) => void
}

const MAX_CHALLENGE = 256

export function createFront(options: FrontOptions): Handler {
  const { term } = options
  let routes: Promise<Handler> | undefined

  function health(request: IncomingMessage, response: ServerResponse): void {
    const challenge = request.headersDistinct[CHALLENGE_HEADER]?.[0]
    const on = { term, pid: process.pid, port: request.socket.localPort ?? 0 }
    answer(response, 200, {
      ...{ ok: true, status: 'ok', version: VERSION, term, pid: process.pid },
      uptime: Math.round((options.uptime() - options.startedAt) / 1000),
      ...(challenge !== undefined && challenge.length <= MAX_CHALLENGE && { proof: proofOf(options.token, challenge, on) }),
    })
  }

  function refuse(response: ServerResponse): void {
    const error = `term ${term} is over; read the port of the new leader`
    answer(response, statusOf.not_leader, { ok: false, error, code: 'not_leader', facts: { term } })
  }

  return (request, response) => {
    if (!options.isLeading()) {
      // The server goes with the term: first the answer leaves.
      response.once('close', options.onDeposed)
      return refuse(response)
    }
    try {
      fromHere(request)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return answer(response, refusals[error.code].status, { ok: false, error: error.message, code: error.code })
    }
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (isRead && request.url?.split('?', 1)[0] === '/health') return health(request, response)
    routes ??= options.loadRoutes()
    routes.then(
      (handle) => handle(request, response),
      (error: unknown) => {
        response.once('close', () => options.onUnable(error))
        refuse(response)
      },
    )
  }
}
