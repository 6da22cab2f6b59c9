import type { MeshError } from '../../core/errors.ts'
import type { Look } from '../../core/nats/look.ts'
import { type NatsSettings, namesOf, natsSettings } from '../../core/nats/settings.ts'
import { sleep } from '../../core/scope.ts'
import { span } from '../../core/visible.ts'
import { MONITOR_PORT } from '../commands/init/server-file.ts'
import { failures } from '../failures.ts'
import { bad, type Check, type Found, ok, unknown, warn } from './check.ts'

/** The servers of a mesh of several machines: are they there and fit, how quick, and how safe is what they acknowledge? */
export const nats: Check = async ({ config }) => {
  const settings = natsSettings(config)
  if (!settings) return []
  const { look } = await import('../../core/nats/look.ts')
  const seen = await look(settings)
  const named = (of: string, found: Found | undefined): Found[] => (found ? [{ ...found, of }] : [])
  const kept = await Promise.all(seen.servers.flatMap((one) => ('info' in one ? keptBy(one, config.monitor) : [])))
  return [
    ...named('servers', judgeServers(seen, settings)),
    ...named('encryption', judgeEncryption(seen, settings)),
    ...named('stream', judgeStream(seen, settings)),
    ...named('durability', judgeDurability(kept)),
    ...named('latency', judgeLatency(seen)),
  ]
}

const because = (failure: MeshError): string => {
  const { hint } = failures[failure.code]
  return typeof hint === 'string' ? hint : 'see docs/team.md'
}

/** Pure, as are all of them. */
export function judgeServers({ servers }: Look, { url }: Pick<NatsSettings, 'url'>): Found {
  const there = servers.flatMap((one) => ('info' in one ? one : []))
  const gone = servers.flatMap((one) => ('failure' in one ? one : []))
  const versions = [...new Set(there.map(({ info }) => info.version))].sort().join(' and ')
  const [first] = gone
  if (!first) return ok(`${url}: ${there.length === 1 ? 'answers' : `all ${there.length} answer`}, nats-server ${versions}`)
  // One that is too old, or lets us not in, is a fault of the set-up; one that is away is what the others are there for.
  const worst = gone.find(({ failure }) => failure.code !== 'unreachable') ?? first
  const what = worst.failure.code === 'unreachable' ? detailOf(worst.failure) : worst.failure.message
  const found = `${worst.server}: ${what}${there.length > 0 ? `; ${there.length} of ${servers.length} answer` : ''}`
  const fix =
    worst.failure.code === 'unreachable' ? 'is nats-server running there, and the way to it open?' : because(worst.failure)
  return there.length === 0 || worst.failure.code !== 'unreachable' ? bad(found, fix) : warn(found, fix)
}

const detailOf = ({ facts }: MeshError) => ('detail' in facts ? facts.detail : '')

export function judgeEncryption(
  { servers }: Look,
  { tls, servers: named }: Pick<NatsSettings, 'tls' | 'servers'>,
): Found | undefined {
  const there = servers.flatMap((one) => ('info' in one ? one.info : []))
  if (there.length === 0) return undefined
  const isEncrypted = tls || there.every(({ tls_required, tls_available }) => tls_required || tls_available)
  if (tls) return ok('all that is said is encrypted')
  if (isEncrypted) return warn('the servers encrypt, but nothing here insists on it', 'write tls:// in SLM_MESH_URL')
  return named.every((server) => /^(localhost|127\.[\d.]+|\[::1\]):\d+$/.test(server))
    ? ok('not encrypted, and on this machine only')
    : warn('mail, values and passwords go over the network in clear', 'slm-mesh init --print shows a configuration with TLS')
}

export function judgeStream(
  { servers, stream, problem }: Look,
  { mesh, url }: Pick<NatsSettings, 'mesh' | 'url'>,
): Found | undefined {
  if (problem) return bad(problem.message, because(problem))
  const name = namesOf(mesh).stream
  if (stream === undefined) return undefined
  if (stream === null)
    return warn(`there is no ${name} yet`, `the first session makes it; or slm-mesh init --url ${url} --replicas 3`)
  const { num_replicas } = stream.config
  const { leader, replicas = [] } = stream.cluster ?? {}
  const behind = replicas.filter(({ current, offline }) => offline === true || !current).map(({ name }) => name)
  const head = `${name}: every flag is as it must be, ${num_replicas === 1 ? 'one copy' : `${num_replicas} copies`}${leader ? `, led by ${leader}` : ''}`
  if (behind.length > 0)
    return warn(
      `${head}; not up to date: ${behind.join(', ')}`,
      'look at those servers; the rest carry the mesh as long as they are the more',
    )
  const inCluster = servers.some((one) => 'info' in one && one.info.cluster !== undefined)
  return num_replicas === 1 && inCluster
    ? warn(`${head}: if that server is lost, so is the mesh`, 'slm-mesh init --replicas 3')
    : ok(head)
}

interface Kept {
  readonly server: string
  /** How long acknowledged writes may stay off the disk: 0 is never; undefined is not known. */
  readonly syncMs: number | undefined
  readonly asked: string
}

export function judgeDurability(kept: readonly Kept[]): Found | undefined {
  if (kept.length === 0) return undefined
  const lazy = kept.find(({ syncMs }) => syncMs !== undefined && syncMs > 0)
  const dark = kept.find(({ syncMs }) => syncMs === undefined)
  if (lazy)
    return warn(
      `${lazy.server} writes to its disk every ${span(lazy.syncMs ?? 0)}: what it has acknowledged since is lost when its machine, not only nats-server, fails`,
      'jetstream { sync_interval: always } in its configuration, as slm-mesh init prints it',
    )
  if (dark)
    return unknown(
      `not known whether what ${dark.server} acknowledges is on its disk: ${dark.asked} does not tell`,
      'run doctor on that machine, or name its monitoring port in SLM_MESH_MONITOR; the default of nats-server is two minutes',
    )
  return ok('acknowledged is on the disk (sync_interval: always)')
}

export function judgeLatency({ latency }: Look): Found | undefined {
  if (!latency) return undefined
  const { serverMs, leaderMs, rounds } = latency
  const found = `${ms(serverMs)} to the server and back, ${ms(leaderMs)} to the leader of the stream (medians of ${rounds})`
  return leaderMs > 250 ? warn(found, 'every write and every fresh look takes that long: a server nearer by would do') : ok(found)
}

const ms = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

const MONITOR_TIMEOUT_MS = 700

/** Asks the monitoring port, and believes it only if it is that of the same server. */
async function keptBy({ server, info }: { server: string; info: { server_id: string } }, monitor: string): Promise<Kept> {
  const asked = `${monitor || `http://${server.replace(/:\d+$/, '')}:${MONITOR_PORT}`}/varz`
  const stop = new AbortController()
  void sleep(MONITOR_TIMEOUT_MS, stop.signal).then(() => stop.abort())
  try {
    const answer: unknown = await (await fetch(asked, { signal: stop.signal })).json()
    return { server, asked, syncMs: syncOf(answer, info.server_id) }
  } catch {
    return { server, asked, syncMs: undefined }
  } finally {
    stop.abort()
  }
}

export function syncOf(varz: unknown, serverId: string): number | undefined {
  // A foreign program's JSON: each step is looked at.
  const { server_id, jetstream } = Object(varz) as { server_id?: unknown; jetstream?: unknown }
  const { sync_always, sync_interval } = Object(Object(jetstream).config) as { sync_always?: unknown; sync_interval?: unknown }
  if (server_id !== serverId) return undefined
  if (sync_always === true) return 0
  return typeof sync_interval === 'number' ? sync_interval / 1e6 : undefined
}
