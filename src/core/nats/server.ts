import type { StreamConfig, StreamInfo } from '@nats-io/jetstream'
import type { ServerInfo } from '@nats-io/transport-node'
import { fail, type MeshError } from '../errors.ts'
import { type MeshNames, namesOf } from './settings.ts'

/**
 * What a server must be for a mesh, and whether one is. Pure.
 *
 * Servers before 2.12 take the flags that they do not know, say nothing, and drop them: a lock would never run out. So the
 * version is looked at, and the flags are read back from what the server has stored. In a cluster of mixed versions the
 * server that we speak to is not the one that stores: only what is read back counts then.
 */

const OLDEST = { major: 2, minor: 12 }
/** The servers' own default. An entry of the log, or a chunk of a snapshot, has to fit. */
const MIN_PAYLOAD_BYTES = 1_048_576

const UPGRADE = 'use nats-server 2.12 or newer on every server of the cluster'

/** Why that server cannot carry a mesh, or undefined. */
export function unfitServer(info: ServerInfo, url: string): MeshError<'server_unfit'> | undefined {
  const unfit = (found: string, fix: string) => fail('server_unfit', { url, found, fix })
  const [, major = '', minor = ''] = /^v?(\d+)\.(\d+)/.exec(info.version) ?? []
  const isOld = Number(major) < OLDEST.major || (Number(major) === OLDEST.major && Number(minor) < OLDEST.minor)
  if (major === '' || isOld) return unfit(`runs nats-server ${info.version}`, UPGRADE)
  if (info.jetstream !== true)
    return unfit('runs without JetStream', 'add a jetstream block to its configuration: slm-mesh init prints one')
  if (info.max_payload < MIN_PAYLOAD_BYTES)
    return unfit(`takes messages of up to ${info.max_payload} bytes only`, 'leave max_payload at 1MB')
  return undefined
}

/** What a stream must have, as it was asked for and as it is read back. */
const REQUIRED = {
  retention: 'limits',
  discard: 'new',
  max_age: 0,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  allow_direct: true,
  allow_msg_ttl: true,
  allow_atomic: true,
} as const

/** Those that old servers drop without a word. */
const DROPPED_BY_OLD = new Set<string>(['allow_msg_ttl', 'allow_atomic'])

export interface StreamWish {
  readonly replicas: number
  /** Reserved on the server's disk at once, whatever is used of it; none: as much as there is. */
  readonly maxBytes?: number
}

/** The one stream of a mesh. What it replaces, it purges: see the snapshots. */
export const streamConfig = (mesh: string, { replicas, maxBytes = -1 }: StreamWish): Partial<StreamConfig> & { name: string } => {
  const { stream, log, snapshot, chunk } = namesOf(mesh)
  return {
    // The library's types name the two words as constants of its own.
    ...(REQUIRED as Partial<StreamConfig>),
    name: stream,
    subjects: [log, snapshot, `${chunk}.>`],
    storage: 'file' as StreamConfig['storage'],
    num_replicas: replicas,
    max_bytes: maxBytes,
  }
}

/** Why that stream cannot carry the mesh, or undefined. */
export function unfitStream(
  { config }: Pick<StreamInfo, 'config'>,
  names: MeshNames,
  url: string,
): MeshError<'server_unfit'> | undefined {
  const kept: Record<string, unknown> = { ...config }
  const wrong = Object.entries(REQUIRED)
    .filter(([name, value]) => (kept[name] ?? (typeof value === 'number' ? value : undefined)) !== value)
    .map(([name]) => name)
  const wanted = [names.log, names.snapshot, `${names.chunk}.>`]
  const missing = wanted.filter((subject) => !config.subjects?.includes(subject))
  if (wrong.length === 0 && missing.length === 0) return undefined
  const dropped = wrong.filter((name) => DROPPED_BY_OLD.has(name))
  const found = [
    ...wrong.map((name) => `${name} is ${kept[name] === undefined ? 'not kept' : String(kept[name])}`),
    ...missing.map((subject) => `it does not take ${subject}`),
  ].join(', ')
  return fail('server_unfit', {
    url,
    found: `keeps the stream ${names.stream} differently: ${found}`,
    // Whoever leads the stream may be older than the server that we speak to.
    fix: dropped.length > 0 ? UPGRADE : `slm-mesh init sets it right, or choose another SLM_MESH_MESH`,
  })
}
