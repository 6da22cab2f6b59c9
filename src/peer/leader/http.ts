import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { monotonicMs } from '../../core/clock.ts'
import { type Scope, sleep } from '../../core/scope.ts'
import { refusals } from './failures.ts'

/** The leader's listening socket: where it stands, how it is bounded, and who may speak to it at all. */

/** Slow or idle clients are cut off after these; a mesh's own clients need milliseconds. */
const LIMITS = {
  headersTimeout: 2_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 500,
  maxHeaderSize: 8_192,
}
const MAX_CONNECTIONS = 64
/** The last leader's socket goes with its process; until then its port is taken. */
const RETRY_HOME_MS = 250
const GO_HOME_EVERY_MS = 1_000
const FALLBACK_PORTS = 10

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

interface HttpOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly handler: Handler
  /** Told at first and whenever the server has moved. */
  readonly onPort: (port: number) => Promise<void>
  readonly onError: (error: unknown) => void
}

/**
 * Listens on the home port, else on one of the ten above it, else on any; from there it moves home as soon as the
 * stranger has left.
 */
export async function startHttp(scope: Scope, options: HttpOptions): Promise<void> {
  const first = await listenSomewhere(options, scope.signal)
  scope.defer(() => close(first))
  await options.onPort(portOf(first))
  if (options.port === 0 || portOf(first) === options.port) return
  let home: Server | undefined
  scope.defer(() => home && close(home))
  const moving = scope.child()
  moving.every(
    GO_HOME_EVERY_MS,
    async () => {
      home ??= await listen(options, options.port)
      if (!home) return
      if (moving.signal.aborted) return close(home)
      // Both serve until the move is published; where that fails, it is tried again.
      await options.onPort(options.port)
      await close(first)
      void moving[Symbol.asyncDispose]()
    },
    options.onError,
  )
}

async function listenSomewhere(options: HttpOptions, signal: AbortSignal): Promise<Server> {
  const until = monotonicMs() + RETRY_HOME_MS
  do {
    const server = await listen(options, options.port)
    if (server) return server
    await sleep(5, signal, true)
  } while (monotonicMs() < until && !signal.aborted)
  for (let port = options.port + 1; port <= Math.min(65_535, options.port + FALLBACK_PORTS); port++) {
    const server = await listen(options, port)
    if (server) return server
  }
  const server = await listen(options, 0)
  if (!server) throw new Error(`no port of ${options.host} is free`)
  return server
}

/** Undefined where the port is taken. */
function listen({ host, handler }: HttpOptions, port: number): Promise<Server | undefined> {
  const server = createServer(LIMITS, (request, response) => {
    response.setHeader('Cache-Control', 'no-store')
    if (isOwnHost(request, portOf(server))) handler(request, response)
    else answer(response, refusals.host.status, { ok: false, error: refusals.host.error, code: 'host' })
  })
  server.maxConnections = MAX_CONNECTIONS
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen({ host, port, exclusive: true }, () => {
      server.unref()
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed())
    server.closeAllConnections()
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

/** Exactly one Host header, and ours: a page of another site that resolves to loopback is sent away (DNS rebinding). */
function isOwnHost(request: IncomingMessage, port: number): boolean {
  const hosts = request.headersDistinct.host ?? []
  return hosts.length === 1 && [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`].includes(hosts[0] ?? '')
}

export function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}
