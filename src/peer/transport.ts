import { createConnection, createServer, type Socket } from 'node:net'

/** How bytes get from peer to peer of one machine: Unix sockets, or named pipes on Windows. Tests bring their own. */
export interface Transport {
  /** Accepts connections at `path` until disposed. Rejects with EADDRINUSE where somebody listens already. */
  listen(path: string, accept: (connection: Connection) => Handlers): Promise<AsyncDisposable>
  /** Never throws: what fails is reported as closed. Bytes may be sent at once. */
  connect(path: string, handlers: Handlers): Connection
}

export interface Connection {
  send(bytes: string): void
  /** Bytes that the other side has not taken yet, and that cost this process memory. */
  readonly pendingBytes: number
  /** Sends what is pending, then closes. */
  end(): void
  /** Closes at once. */
  close(): void
}

export interface Handlers {
  data(chunk: Uint8Array): void
  /** Once, whatever the reason. `refused`: nobody listens there. */
  closed(why: 'ended' | 'refused'): void
}

/** More than any mesh needs; a flood of connections stops here. */
const MAX_CONNECTIONS = 1_024

export const socketTransport: Transport = {
  listen: (path, accept) =>
    new Promise((resolve, reject) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
        wire(socket, accept(connectionOf(socket)))
      })
      server.maxConnections = MAX_CONNECTIONS
      server.once('error', reject)
      server.listen(path, () => {
        server.off('error', reject)
        server.on('error', () => {}) // a failed accept concerns that caller only
        server.unref()
        resolve({
          [Symbol.asyncDispose]: () =>
            new Promise((closed) => {
              server.close(() => closed())
              for (const socket of sockets) socket.destroy()
            }),
        })
      })
    }),

  connect: (path, handlers) => {
    const socket = createConnection(path)
    wire(socket, handlers)
    return connectionOf(socket)
  },
}

const connectionOf = (socket: Socket): Connection => ({
  send: (bytes) => {
    if (!socket.destroyed) socket.write(bytes)
  },
  get pendingBytes() {
    return socket.writableLength
  },
  end: () => socket.destroySoon(),
  close: () => socket.destroy(),
})

function wire(socket: Socket, handlers: Handlers): void {
  let why: 'ended' | 'refused' = 'ended'
  socket.unref()
  socket.on('data', (chunk: Buffer) => handlers.data(chunk))
  socket.on('end', () => socket.destroy())
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') why = 'refused'
  })
  socket.once('close', () => handlers.closed(why))
}
