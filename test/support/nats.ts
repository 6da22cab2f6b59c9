import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { testDir } from './data-dir.ts'
import { eventually } from './eventually.ts'
import { onFailure } from './on-failure.ts'
import { freePorts } from './ports.ts'

/**
 * Real nats-servers for a test, of the binary that SLM_MESH_NATS_SERVER names; in `npm run test:cluster` also of the one that
 * is on the PATH or in /usr/sbin. `npm test` is to take no longer where there happens to be one.
 */

function find(): string | undefined {
  const named = process.env.SLM_MESH_NATS_SERVER
  if (!named && !process.env.SLM_MESH_CLUSTER_TESTS) return undefined
  const places = named
    ? [named]
    : [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].map((dir) => join(dir, 'nats-server'))
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Older ones do not do: that they are refused is tested without one. */
function isFit(binary: string): boolean {
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' })) ?? []
  return Number(major) * 1000 + Number(minor) >= 2012
}

const found = find()
if (found === undefined && process.env.SLM_MESH_NATS_SERVER) throw new Error('SLM_MESH_NATS_SERVER names nothing that can be run')
/** Undefined where there is none of 2.12 or newer. For `test.skipIf(!natsServer)` and `describe.skipIf(!natsServer)`. */
export const natsServer = found !== undefined && isFit(found) ? found : undefined
/** What a test's title says then. */
export const needsNats = natsServer ? '' : ' (skipped: it needs a nats-server >= 2.12, see npm run test:cluster)'

export interface NatsOptions {
  readonly nodes?: 1 | 3
  /** Added to each server's configuration, or made of its number. */
  readonly config?: string | ((node: number) => string)
  /** Added to its block `jetstream`, such as `max_file_store: 1000000`. */
  readonly jetstream?: string
  /** Where they listen; default: 127.0.0.1. */
  readonly host?: string
  /** A program and its arguments that runs the server, such as `ip netns exec x`. */
  readonly via?: readonly string[]
  /** Several ends of one wire: without it the monitoring port is not asked whether the server is up. */
  readonly monitor?: boolean
  /** Acknowledged is on the disk; `lazy` is the servers' own default of two minutes. Default: always. */
  readonly sync?: 'always' | 'lazy'
}

export class NatsServer {
  #child: ChildProcess | undefined
  #exited: Promise<unknown> = Promise.resolve()
  readonly url: string

  constructor(
    readonly name: string,
    readonly dir: string,
    readonly host: string,
    readonly port: number,
    readonly monitorPort: number,
    readonly via: readonly string[] = [],
    readonly env: Readonly<Record<string, string>> = {},
  ) {
    this.url = `nats://${host}:${port}`
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** What it has logged, over all its lives. */
  get log(): string {
    const path = join(this.dir, 'log')
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }

  /** Again after a kill, too: on the same port, with what is on its disk. Resolves when it says that it is ready. */
  async start(): Promise<this> {
    if (this.running) return this
    const before = this.log.length
    const [command = '', ...args] = [
      ...this.via,
      natsServer ?? 'nats-server',
      '-c',
      join(this.dir, 'conf'),
      '-l',
      join(this.dir, 'log'),
    ]
    // The variable is how the run finds what was left running.
    const env = { PATH: process.env.PATH ?? '', SLM_MESH_DATA_DIR: this.dir, ...this.env }
    const child = spawn(command, args, { stdio: 'ignore', env })
    this.#child = child
    this.#exited = new Promise((resolve) => child.once('close', resolve))
    await eventually(() => !this.running || this.log.slice(before).includes('Server is ready'))
    if (!this.running) throw new Error(`${this.name} has ended: ${this.log.slice(-2_000)}`)
    return this
  }

  /** kill -9 by default; resolves when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.running) return
    this.#child?.kill('SIGCONT')
    this.#child?.kill(signal)
    await this.#exited
  }

  /** It hangs: connections stay open, and nothing answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** What its monitoring port says at that path, such as /varz. */
  async monitor(path: string): Promise<Record<string, unknown>> {
    const answer = await fetch(`http://${this.host}:${this.monitorPort}${path}`)
    return (await answer.json()) as Record<string, unknown>
  }
}

export interface Nats extends AsyncDisposable {
  /** For SLM_MESH_URL: all of them. */
  readonly url: string
  readonly servers: readonly [NatsServer, ...NatsServer[]]
  /** Which of three leads that stream. */
  leaderOf(stream: string): Promise<NatsServer>
}

/** One server, or three that are a cluster. Kill them as you like; what runs at the end is ended. */
export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  const { nodes = 1, host = '127.0.0.1', via = [], sync = 'always', monitor = via.length === 0 } = options
  const ports = await freePorts(nodes * 3, via.length === 0 ? host : '127.0.0.1')
  const routes = ports.slice(2 * nodes)
  const servers = Array.from({ length: nodes }, (_, i) => {
    const dir = placeOf()
    const server = new NatsServer(`n${i + 1}`, dir, host, ports[i] ?? 0, ports[nodes + i] ?? 0, via)
    const extra = typeof options.config === 'function' ? options.config(i) : (options.config ?? '')
    const cluster = `cluster { name: "test", listen: "${host}:${routes[i]}", routes: [${routes.map((port) => `"nats://${host}:${port}"`)}] }`
    writeFileSync(
      join(dir, 'conf'),
      `server_name: ${server.name}
listen: "${host}:${server.port}"
http: "${host}:${server.monitorPort}"
jetstream { store_dir: "${dir}"${sync === 'always' ? ', sync_interval: always' : ''}${options.jetstream ? `, ${options.jetstream}` : ''} }
${nodes > 1 ? cluster : ''}
${extra}
`,
      { mode: 0o600 },
    )
    return server
  })
  const end = async () => void (await Promise.all(servers.map((server) => server.kill())))
  try {
    await Promise.all(servers.map((server) => server.start()))
    if (nodes > 1 && monitor) await eventually(() => haveElected(servers), { every: 50 })
  } catch (error) {
    await end()
    throw error
  }
  const [first, ...others] = servers
  if (!first) throw new Error('no server')
  return {
    servers: [first, ...others],
    url: servers.map(({ url }) => url).join(','),
    leaderOf: (stream) => eventually(() => leaderOf(servers, stream), { every: 50 }),
    [Symbol.asyncDispose]: end,
  }
}

/** Where one server keeps everything. A failing test shows its log. */
function placeOf(): string {
  const dir = testDir()
  onFailure(() => {
    const log = join(dir, 'log')
    if (existsSync(log)) console.error(`--- ${log}\n${readFileSync(log, 'utf8').slice(-2_000)}`)
  })
  return dir
}

/** One server by a configuration of its own, as a person has written it. */
export async function startNatsOn(
  conf: string,
  at: { dir?: string; name?: string; host?: string; port: number; monitorPort: number; env?: Record<string, string> },
): Promise<NatsServer & AsyncDisposable> {
  const dir = at.dir ?? placeOf()
  writeFileSync(join(dir, 'conf'), conf, { mode: 0o600 })
  const server = new NatsServer(at.name ?? 'n1', dir, at.host ?? '127.0.0.1', at.port, at.monitorPort, [], at.env)
  await server.start()
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.kill() })
}

/** Until a cluster has one leader that all see, it makes no streams. */
export async function haveElected(servers: readonly NatsServer[]): Promise<boolean> {
  const seen = await Promise.all(
    servers.map(async (server) => {
      const { meta_cluster } = (await server.monitor('/jsz')) as { meta_cluster?: { leader?: string; cluster_size?: number } }
      return meta_cluster?.cluster_size === servers.length ? meta_cluster.leader : undefined
    }),
  )
  return seen[0] !== undefined && seen[0] !== '' && seen.every((leader) => leader === seen[0])
}

async function leaderOf(servers: readonly NatsServer[], stream: string): Promise<NatsServer | undefined> {
  type Jsz = { account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[] }
  for (const server of servers.filter(({ running }) => running)) {
    const { account_details = [] } = (await server.monitor('/jsz?streams=true&accounts=true')) as Jsz
    const details = account_details.flatMap(({ stream_detail = [] }) => stream_detail)
    const leader = details.find(({ name }) => name === stream)?.cluster?.leader
    const leading = servers.find(({ name, running }) => running && name === leader)
    if (leading) return leading
  }
  return undefined
}
