import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type StreamInfo,
} from '@nats-io/jetstream'
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { fail } from '../errors.ts'
import { natsFailure } from './failure.ts'
import { type StreamWish, streamConfig, unfitServer, unfitStream } from './server.ts'
import { type MeshNames, type NatsSettings, namesOf } from './settings.ts'

/**
 * From the settings to a connection that can carry a mesh. Whoever loads this file loads the client: only who has
 * SLM_MESH_URL does, and by a dynamic import.
 *
 * The library reconnects by itself, for ever, to any of the servers; what was subscribed is then subscribed again, but what
 * went by in between is gone, and its consumers cannot be trusted to notice (measured: 489 of 815 pushes were missed). So
 * consumers are opened anew by who uses them. The first connection is not waited for: `unreachable` is thrown, and whoever
 * wants to may call again.
 */
export interface MeshConnection extends AsyncDisposable {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly names: MeshNames
  /** For people: no secret in it. */
  readonly url: string
  /** What one message may have, its headers included. */
  readonly maxPayloadBytes: number
  /** The stream as it was read back when we connected. */
  readonly stream: StreamInfo
}

/** For each server; a black hole must not keep us from the next for long. */
const DIAL_TIMEOUT_MS = 3_000
const REQUEST_TIMEOUT_MS = 5_000
/** A cut wire is noticed within three of these: nothing else tells. One small frame each. */
const PING_MS = 5_000
const PINGS_UNANSWERED = 2
const RECONNECT_MS = 250

/**
 * A connection, and the mesh's stream with every flag checked; made where it is missing. Throws `unreachable`,
 * `server_unfit`, `access_denied` or `setting`.
 */
export async function connectMesh(settings: NatsSettings): Promise<MeshConnection> {
  const nc = await dial(settings)
  try {
    const jsm = await managerOf(nc)
    const stream = await openStream(nc, jsm, settings)
    return {
      ...{ nc, jsm, stream, names: namesOf(settings.mesh), url: settings.url },
      js: jetstream(nc, { timeout: REQUEST_TIMEOUT_MS }),
      maxPayloadBytes: nc.info?.max_payload ?? 0,
      [Symbol.asyncDispose]: () => nc.close(),
    }
  } catch (error) {
    await nc.close()
    throw natsFailure(error, settings, `use the stream ${namesOf(settings.mesh).stream}`)
  }
}

/** Newer servers then refuse themselves what they do not know; older ones are found out by what is read back. */
export const managerOf = (nc: NatsConnection): Promise<JetStreamManager> =>
  jetstreamManager(nc, { checkAPI: false, timeout: REQUEST_TIMEOUT_MS, sendRequiredApiLevel: true })

/** A connection to a server that can carry a mesh. Throws as `connectMesh`. */
export async function dial(settings: NatsSettings, timeoutMs = DIAL_TIMEOUT_MS): Promise<NatsConnection> {
  let nc: NatsConnection
  try {
    nc = await connect({ ...optionsOf(settings), timeout: timeoutMs })
  } catch (error) {
    throw natsFailure(error, settings, 'connect')
  }
  const unfit = nc.info && unfitServer(nc.info, settings.url)
  if (!unfit) return nc
  await nc.close()
  throw unfit
}

function optionsOf({ servers, tls, caFile, credentials, mesh }: NatsSettings): NodeConnectionOptions {
  return {
    servers: [...servers],
    name: 'slm-mesh',
    inboxPrefix: namesOf(mesh).inbox,
    pingInterval: PING_MS,
    maxPingOut: PINGS_UNANSWERED,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    // Wrong for a moment, as while a server reads its users again, is not wrong for ever; who is refused at the start is told.
    ignoreAuthErrorAbort: true,
    ...((tls || caFile !== undefined) && { tls: encryption(servers, caFile) }),
    ...(credentials.kind === 'file' && {
      authenticator: credsAuthenticator(new TextEncoder().encode(textOf(credentials.path, 'SLM_MESH_CREDS'))),
    }),
    ...(credentials.kind === 'user' && { user: credentials.user, pass: credentials.password }),
    ...(credentials.kind === 'token' && { token: credentials.token }),
  }
}

/**
 * The library knows one name for all servers, and for those that are named by their address, or told of by another, not
 * even that (it looks for `localhost` in their certificate). Any of the servers that the user has named will do: what one
 * of them may hear, all of them hear.
 */
function encryption(servers: readonly string[], caFile: string | undefined) {
  const hosts = servers.map((server) => server.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'))
  return {
    ...(caFile !== undefined && { ca: textOf(caFile, 'SLM_MESH_CA') }),
    checkServerIdentity(_: string, { raw }: { raw: Buffer }): Error | undefined {
      const certificate = new X509Certificate(raw)
      if (hosts.some((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined))
        return undefined
      const error = new Error(`it is for ${certificate.subjectAltName ?? certificate.subject}`)
      return Object.assign(error, { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    },
  }
}

const isIP = (host: string) => host.includes(':') || /^[\d.]+$/.test(host)

function textOf(path: string, name: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw fail('setting', { name, value: path, expected: 'a file that can be read' }, { cause: error })
  }
}

/** Codes of the server's own. */
const NAME_IN_USE = 10058
const NO_SUITABLE_PEERS = 10005

/** The mesh's stream, made where it is missing: two may make it at once, and whoever comes second takes what is there. */
async function openStream(nc: NatsConnection, jsm: JetStreamManager, settings: NatsSettings): Promise<StreamInfo> {
  const names = namesOf(settings.mesh)
  const stream = (await infoOf(jsm, names.stream)) ?? (await makeStream(nc, jsm, settings.mesh))
  const unfit = unfitStream(stream, names, settings.url)
  if (unfit) throw unfit
  return stream
}

export async function infoOf(jsm: JetStreamManager, stream: string): Promise<StreamInfo | undefined> {
  try {
    return await jsm.streams.info(stream)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound) return undefined
    throw error
  }
}

async function makeStream(nc: NatsConnection, jsm: JetStreamManager, mesh: string): Promise<StreamInfo> {
  // A cluster is there to survive the loss of a server. One too small for three copies gets one, and doctor says so.
  if (nc.info?.cluster !== undefined)
    try {
      return await addStream(jsm, mesh, { replicas: 3 })
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === NO_SUITABLE_PEERS)) throw error
    }
  return addStream(jsm, mesh, { replicas: 1 })
}

/** Makes the stream, or says what stands there already: `already in use with a different configuration` is no answer. */
export async function addStream(jsm: JetStreamManager, mesh: string, wish: StreamWish): Promise<StreamInfo> {
  try {
    const { config } = await jsm.streams.add(streamConfig(mesh, wish))
    // What the answer says is what was asked for on some servers; what was kept is what counts.
    return await jsm.streams.info(config.name)
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === NAME_IN_USE) return jsm.streams.info(namesOf(mesh).stream)
    throw error
  }
}
