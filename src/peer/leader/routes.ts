import { VERSION } from '../../core/version.ts'
import { answer, type Handler } from './http.ts'

interface RoutesOptions {
  readonly term: number
  /** Asked before every answer: a leader whose term is over serves nothing (G3). */
  readonly isLeading: () => boolean
  readonly onDeposed: () => void
}

/** What the leader serves. */
export function createRoutes({ term, isLeading, onDeposed }: RoutesOptions): Handler {
  return (request, response) => {
    if (!isLeading()) {
      answer(response, 503, { ok: false, error: `term ${term} is over; read the port of the new leader`, code: 'not_leader' })
      return onDeposed()
    }
    const path = request.url?.split('?', 1)[0]
    if (path !== '/health') return answer(response, 404, { ok: false, error: `there is no ${path}`, code: 'not_found' })
    if (request.method !== 'GET') return answer(response, 405, { ok: false, error: 'GET only', code: 'method' })
    answer(response, 200, {
      ok: true,
      status: 'ok',
      version: VERSION,
      uptime: Math.round(process.uptime()),
      term,
      pid: process.pid,
    })
  }
}
