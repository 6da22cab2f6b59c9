import type { Code, Facts, MeshError } from '../../core/errors.ts'

/** What a failure is over HTTP. */

export const statusOf: { readonly [C in Code]: number } = {
  invalid: 400,
  too_large: 413,
  unknown_peer: 404,
  ambiguous_peer: 409,
  not_found: 404,
  locked: 409,
  not_holder: 409,
  impersonation: 403,
  version_conflict: 409,
  full: 507,
  rate_limited: 429,
  unknown_outcome: 502,
  cancelled: 408,
  closed: 503,
  not_leader: 503,
  busy: 503,
  disk_full: 507,
  read_only: 500,
  corrupt: 500,
  storage: 500,
  library_unfit: 500,
  unsafe: 500,
  schema_newer: 503,
  unreachable: 503,
  access_denied: 502,
  server_unfit: 502,
  setting: 500,
  internal: 500,
}

/** What is refused before it reaches the mesh, by what was wrong with the request itself. */
export const refusals = {
  host: { status: 421, error: 'this server answers only to its own loopback name' },
  origin: { status: 403, error: 'this server is not for web pages of other origins' },
  token: { status: 401, error: 'a bearer token is needed: it stands in the file leader.token of the data directory' },
  browser: { status: 403, error: 'a browser key is for the person at the dashboard alone: it acts as `dashboard`' },
  no_route: { status: 404, error: 'there is no such route; GET /openapi.json lists them' },
  method: { status: 405, error: 'this route has another method' },
  media_type: { status: 415, error: 'the body must be JSON, and say so: Content-Type: application/json' },
  body: { status: 400, error: 'the body must be one JSON object in UTF-8' },
  body_too_large: { status: 413, error: 'the body is larger than 1 MiB' },
  streams: { status: 503, error: 'too many event streams are open' },
} as const satisfies Record<string, { status: number; error: string }>
export type RefusalCode = keyof typeof refusals

/** A request that does not reach the mesh. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  constructor(readonly code: RefusalCode) {
    super(refusals[code].error)
  }
}

/** Seconds after which to try again, where that would help. */
export function retryAfterS<C extends Code>({ code, facts }: MeshError<C>): number | undefined {
  if (code === 'rate_limited') return Math.ceil((facts as Facts['rate_limited']).retryAfterMs / 1000) // its facts
  return code === 'busy' || code === 'not_leader' ? 1 : undefined
}
