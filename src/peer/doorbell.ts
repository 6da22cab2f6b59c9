import type { Log } from '../core/log.ts'
import { type Scope, sleep } from '../core/scope.ts'
import { BadFrame, encode, type Frame, FrameReader, PROTOCOL } from './frames.ts'
import type { HookHost } from './hook-host.ts'
import type { Connection, Transport } from './transport.ts'

/**
 * The socket of one peer. Others ring it; it rings theirs. Links are opened on first use and kept, because the
 * closing of a link is how a crash is noticed. Nothing here is the truth, and nothing here waits: a reader that is
 * slow or dead costs its sender at most `MAX_PENDING_BYTES`, then its frames are dropped; the database has it all.
 */

const MAX_PENDING_BYTES = 64 * 1024
const MAX_FAREWELL_MS = 100

export interface Doorbell {
  /** Makes that peer look at the database. */
  ring(target: { peerId: string; socketPath: string }): void
  /** Opens and keeps a link, so that its closing is noticed, and tells the other side that it leads or pings it. */
  tell(target: { peerId: string; socketPath: string }, what: 'leader' | 'ping'): void
  /** Whether a link to there is open, so that its closing will be noticed. */
  linked(socketPath: string): boolean
  /** How many pongs have come from there; a number that grows is a sign of life. */
  pongs(socketPath: string): number
  /** Listens again where somebody has removed the socket's file. */
  relisten(): Promise<void>
}

interface DoorbellOptions {
  readonly transport: Transport
  readonly socketPath: string
  /** Who calls; asked anew at each call, as a peer may move into an older mailbox. */
  readonly self: () => string
  readonly log: Log
  readonly onRing: () => void
  readonly onLeader: () => void
  /** A link to or from that peer has closed. It may be dead; or not. */
  readonly onClosed: (peer: { peerId: string; socketPath: string }) => void
  /** Answers the hooks of this session's agent, which come through the same door. */
  readonly hooks: HookHost
}

interface Link {
  readonly connection: Connection
  readonly reader: FrameReader
  pongs: number
}

export async function startDoorbell(scope: Scope, options: DoorbellOptions): Promise<Doorbell> {
  const { transport, socketPath, log } = options
  const outgoing = new Map<string, Link>()
  let closed = false
  let listener = await listen()
  scope.defer(async () => {
    closed = true
    // What was rung last, such as our own leaving, still goes out; but nobody's full socket holds us up.
    for (const { connection } of outgoing.values()) connection.end()
    for (let waited = 0; outgoing.size > 0 && waited < MAX_FAREWELL_MS; waited++) await sleep(1, undefined, true)
    for (const { connection } of outgoing.values()) connection.close()
    await listener[Symbol.asyncDispose]()
  })

  function listen() {
    return transport.listen(socketPath, (connection) => {
      const reader = new FrameReader()
      let caller: { peerId: string; socketPath: string } | undefined
      const visit = options.hooks.visit(
        (line) => connection.send(line),
        () => connection.close(),
      )
      return {
        data: (chunk) =>
          receive(reader, connection, chunk, (frame) => {
            if (frame.k === 'hello') caller = { peerId: frame.peer, socketPath: frame.socket }
            else visit.receive(frame)
          }),
        closed: () => {
          visit.closed()
          if (caller && !scope.signal.aborted) options.onClosed(caller)
        },
      }
    })
  }

  function receive(reader: FrameReader, connection: Connection, chunk: Uint8Array, also: (frame: Frame) => void): void {
    try {
      for (const frame of reader.read(chunk)) {
        also(frame)
        if (frame.k === 'ring') options.onRing()
        if (frame.k === 'leader') options.onLeader()
        if (frame.k === 'ping') send(connection, { k: 'pong' })
      }
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error
      log.debug('bad frame', { reason: error.message })
      connection.close()
    }
  }

  function send(connection: Connection, frame: Frame): void {
    if (connection.pendingBytes < MAX_PENDING_BYTES) connection.send(encode(frame))
  }

  function linkTo(target: { peerId: string; socketPath: string }): Link {
    const existing = outgoing.get(target.socketPath)
    if (existing) return existing
    const reader = new FrameReader()
    const connection = transport.connect(target.socketPath, {
      data: (chunk) =>
        receive(reader, connection, chunk, (frame) => {
          if (frame.k === 'pong') link.pongs++
        }),
      closed: () => {
        if (outgoing.get(target.socketPath) === link) outgoing.delete(target.socketPath)
        if (!scope.signal.aborted) options.onClosed(target)
      },
    })
    const link: Link = { connection, reader, pongs: 0 }
    outgoing.set(target.socketPath, link)
    send(connection, { k: 'hello', v: PROTOCOL, peer: options.self(), socket: socketPath })
    return link
  }

  const tell = (target: { peerId: string; socketPath: string }, frame: Frame) => {
    if (!closed && target.socketPath !== socketPath) send(linkTo(target).connection, frame)
  }

  return {
    ring(target) {
      if (target.socketPath === socketPath) options.onRing()
      else tell(target, { k: 'ring' })
    },
    tell: (target, what) => tell(target, { k: what }),
    linked: (path) => outgoing.has(path),
    pongs: (path) => outgoing.get(path)?.pongs ?? 0,
    async relisten() {
      await listener[Symbol.asyncDispose]()
      listener = await listen()
    },
  }
}
