import { jserrors } from '@nats-io/jetstream/internal'
import { errors } from '@nats-io/transport-node'
import { fail, MeshError } from '../errors.ts'
import type { NatsSettings } from './settings.ts'

/**
 * What the library throws, in our codes; what is no failure of the server or the way to it comes back as it is. Whoever
 * tries again looks at the code: `unreachable` may pass by itself, `access_denied` and `server_unfit` do not. A loop that
 * opens a consumer again where it may not asked 195 times before anybody saw why.
 */
export function natsFailure(error: unknown, { url, tls }: Pick<NatsSettings, 'url' | 'tls'>, doing: string): unknown {
  if (error instanceof MeshError) return error
  for (const cause of chainOf(error)) {
    if (cause instanceof errors.PermissionViolationError)
      return fail(
        'access_denied',
        { url, what: `${cause.operation === 'publish' ? 'publish' : 'subscribe'} to ${cause.subject}` },
        { cause: error },
      )
    if (cause instanceof errors.AuthorizationError) return fail('access_denied', { url, what: 'in' }, { cause: error })
    if (cause instanceof errors.UserAuthenticationExpiredError)
      return fail('access_denied', { url, what: 'in: the credentials have expired' }, { cause: error })
    if (cause instanceof jserrors.JetStreamNotEnabled)
      return fail('server_unfit', { url, found: 'offers no JetStream to this account', fix: NO_JETSTREAM }, { cause: error })
    if (cause instanceof jserrors.JetStreamApiError)
      return fail('server_unfit', { url, found: `cannot ${doing}: ${cause.message}`, fix: fixOf(cause.code) }, { cause: error })
  }
  const detail = chainOf(error)
    .map(wayOf)
    .find((found) => found !== undefined)
  if (detail === undefined) return error
  const isPlain = tls && /support 'tls'|tls.*not available/.test(detail)
  const wanted = isPlain ? 'it does not encrypt, and tls:// asks for that' : detail
  return fail('unreachable', { url, since: new Date().toISOString(), detail: wanted }, { cause: error })
}

const NO_JETSTREAM = 'switch it on for the account: slm-mesh init prints a configuration'

/** By the server's own codes. */
function fixOf(code: number): string {
  if (code === 10023 || code === 10047) return 'give JetStream more room there, or the stream less: slm-mesh init --max-bytes'
  if (code === 10005) return 'name fewer replicas, or start more servers'
  if (code === 10113) return 'the account asks for a limit: slm-mesh init --max-bytes'
  return 'slm-mesh doctor shows what the server says of itself'
}

/** Why a server was not reached, where that is what it was. */
function wayOf(error: Error): string | undefined {
  const code = 'code' in error ? String(error.code) : ''
  if (/ALTNAME/.test(code)) return `its certificate is for another name (${error.message}): name it in SLM_MESH_URL as that does`
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/.test(code))
    return `its certificate is not trusted (${error.message}); SLM_MESH_CA names a file with who signed it`
  if (/^E[A-Z_]+$/.test(code)) return error.message
  const isWay = [
    errors.ConnectionError,
    errors.TimeoutError,
    errors.ClosedConnectionError,
    errors.DrainingConnectionError,
    errors.NoRespondersError,
    errors.RequestError,
    errors.InvalidArgumentError,
  ].some((kind) => error instanceof kind)
  return isWay ? error.message || 'no answer' : undefined
}

function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && chain.length < 8; each = each.cause) chain.push(each)
  return chain
}
