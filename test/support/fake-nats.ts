import { createServer, type Socket } from 'node:net'

/**
 * What looks like a nats-server of any version, and answers JetStream's requests with what a test says: the old ones that
 * we refuse are nowhere to be had.
 */
export interface FakeNats extends AsyncDisposable {
  readonly url: string
  /** The subjects of all requests so far. */
  readonly asked: readonly string[]
}

export async function fakeNats(
  info: Record<string, unknown>,
  answer: (subject: string, body: Record<string, unknown>) => object = () => ({}),
): Promise<FakeNats> {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const { port } = server.address() as { port: number }
    const hello = { server_id: 'x', server_name: 'x', go: '', host: '127.0.0.1', port, headers: true, jetstream: true, proto: 1 }
    socket.write(`INFO ${JSON.stringify({ ...hello, max_payload: 1_048_576, client_id: 1, ...info })}\r\n`)
    let rest = ''
    const sids: [pattern: string, sid: string][] = []
    socket.setEncoding('utf8').on('data', (text) => {
      rest += text
      for (;;) {
        const end = rest.indexOf('\r\n')
        if (end < 0) return
        const [verb, ...words] = rest.slice(0, end).split(' ')
        const size = /^H?PUB$/.test(verb ?? '') ? Number(words.at(-1)) : 0
        if (size > 0 && rest.length < end + 2 + size + 2) return
        const payload = rest.slice(end + 2, end + 2 + size)
        rest = rest.slice(end + 2 + (/^H?PUB$/.test(verb ?? '') ? size + 2 : 0))
        if (verb === 'PING') socket.write('PONG\r\n')
        if (verb === 'SUB') sids.push([words[0] ?? '', words.at(-1) ?? ''])
        if (verb !== 'PUB' && verb !== 'HPUB') continue
        const [subject = '', reply = ''] = words
        asked.push(subject)
        const body = JSON.parse(payload.slice(Math.max(0, payload.indexOf('{'))) || '{}')
        const said = JSON.stringify(answer(subject, body))
        const sid = sids.find(([pattern]) => reply.startsWith(pattern.replace(/[*>]$/, '')))?.[1]
        socket.write(`MSG ${reply} ${sid} ${Buffer.byteLength(said)}\r\n${said}\r\n`)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return {
    url: `nats://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
