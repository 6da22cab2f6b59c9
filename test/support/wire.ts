import { createConnection, createServer, type Server, type Socket } from 'node:net'

/** A wire to a server that a test can cut, or let swallow what comes back. */
export interface Wire extends AsyncDisposable {
  readonly url: string
  /** Closes all connections and refuses new ones, until `heal`. */
  cut(): void
  heal(): void
  /** What the server says from now on does not arrive; over connections that are made later it does. */
  dropAnswers(): void
  /** Called with what a client sends, before it goes on. */
  onSent: (chunk: Buffer) => void
}

export async function wireTo(url: string): Promise<Wire> {
  const { hostname, port } = new URL(url)
  const pairs = new Set<{ client: Socket; server: Socket; drops: boolean }>()
  let isCut = false
  const listener: Server = createServer((client) => {
    if (isCut) return void client.destroy()
    const pair = { client, server: createConnection(Number(port), hostname), drops: false }
    pairs.add(pair)
    const end = () => {
      client.destroy()
      pair.server.destroy()
      pairs.delete(pair)
    }
    for (const socket of [client, pair.server]) socket.on('error', end).on('close', end)
    client.on('data', (chunk: Buffer) => {
      wire.onSent(chunk)
      pair.server.write(chunk)
    })
    pair.server.on('data', (chunk: Buffer) => {
      if (!pair.drops) client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  const end = () => {
    for (const { client, server } of pairs) {
      client.destroy()
      server.destroy()
    }
  }
  const wire: Wire = {
    url: `nats://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    cut() {
      isCut = true
      end()
    },
    heal() {
      isCut = false
    },
    dropAnswers() {
      for (const pair of pairs) pair.drops = true
    },
    onSent: () => {},
    async [Symbol.asyncDispose]() {
      end()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
  return wire
}
