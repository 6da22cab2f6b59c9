import { once } from 'node:events'
import { request } from 'node:http'
import { connect, createServer, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { Scope } from '../../../src/core/scope.ts'
import { answer, type Handler, startHttp } from '../../../src/peer/leader/http.ts'
import { eventually } from '../../support/eventually.ts'

const HOST = '127.0.0.1'
const hello: Handler = (_, response) => answer(response, 200, { ok: true })

async function open(options: { port?: number; handler?: Handler } = {}) {
  const scope = new Scope()
  const ports: number[] = []
  await startHttp(scope, {
    host: HOST,
    port: options.port ?? 0,
    handler: options.handler ?? hello,
    onPort: async (port) => void ports.push(port),
    onError: (error) => {
      throw error
    },
  })
  return {
    /** Every port that was published, in order. */
    ports,
    get port() {
      return ports.at(-1) ?? 0
    },
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

interface Reply {
  status: number | undefined
  headers: Record<string, unknown>
  body: Record<string, unknown>
}

function ask(port: number, path: string, { method = 'GET', host = `${HOST}:${port}` } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: HOST, port, path, method, headers: { host }, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(text) }))
    })
    asking.on('error', reject)
    asking.end()
  })
}

/** The status line of the answer to exactly these bytes. */
async function askRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, HOST)
  socket.write(bytes)
  const [data] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return data.toString().split('\r\n')[0] ?? ''
}

/** Somebody else's server on that port; undefined where the port is taken. */
function occupy(port: number): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy())
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: HOST, exclusive: true }, () => resolve(server))
  })
}

const release = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()))

/** Strangers on `count` ports in a row; the first of them. */
async function occupyRow(count: number): Promise<{ first: number; strangers: Server[] }> {
  for (let first = 21_000 + Math.floor(Math.random() * 5_000); ; first += 20) {
    const row = await Promise.all(Array.from({ length: count }, (_, i) => occupy(first + i)))
    const strangers = row.filter((server) => server !== undefined)
    if (strangers.length === count) return { first, strangers }
    await Promise.all(strangers.map(release))
  }
}

test('only its own loopback names are answered; any other is sent away with 421', async () => {
  await using http = await open()
  const { port } = http
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
    expect((await ask(port, '/', { host })).status).toBe(200)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    '127.0.0.1',
    `127.0.0.1:${port + 1}`,
    `127.0.0.1.evil.example:${port}`,
    `127.0.0.1:${port}@evil.example`,
    `127.0.0.2:${port}`,
    'null',
  ]) {
    const { status, body } = await ask(port, '/', { host })
    expect([host, status, body.code]).toEqual([host, 421, 'host'])
  }
})

test('a request without a host, or with two, gets nothing', async () => {
  await using http = await open()
  const own = `Host: 127.0.0.1:${http.port}`
  expect(await askRaw(http.port, `GET / HTTP/1.1\r\n${own}\r\n\r\n`)).toMatch(/ 200 /)
  expect(await askRaw(http.port, 'GET / HTTP/1.1\r\n\r\n')).toMatch(/ 4\d\d /)
  expect(await askRaw(http.port, 'GET / HTTP/1.0\r\n\r\n')).toMatch(/ 4\d\d /)
  expect(await askRaw(http.port, `GET / HTTP/1.1\r\n${own}\r\nHost: evil.example\r\n\r\n`)).toMatch(/ 4\d\d /)
  expect(await askRaw(http.port, `GET / HTTP/1.1\r\n${own}\r\n${own}\r\n\r\n`)).toMatch(/ 4\d\d /)
})

test('where a stranger holds the port the next one serves, until the stranger leaves', async () => {
  const { first, strangers } = await occupyRow(3)
  await using http = await open({ port: first })
  expect(http.ports).toHaveLength(1)
  expect(http.port).toBeGreaterThanOrEqual(first + 3)
  expect(http.port).toBeLessThanOrEqual(first + 10)
  const fallback = http.port
  expect((await ask(fallback, '/')).status).toBe(200)
  await Promise.all(strangers.map(release))
  await eventually(() => http.port === first)
  expect((await ask(first, '/')).status).toBe(200)
  await eventually(async () =>
    ask(fallback, '/').then(
      () => false,
      () => true,
    ),
  )
  expect(http.ports).toEqual([fallback, first])
})

test('where strangers hold all of them, any free port serves', async () => {
  const { first, strangers } = await occupyRow(11)
  await using http = await open({ port: first })
  expect(http.port < first || http.port > first + 10).toBe(true)
  expect((await ask(http.port, '/')).status).toBe(200)
  await Promise.all(strangers.map(release))
})

test('a port that is freed in a moment, as by a leader that has just died, is waited for', async () => {
  const { first, strangers } = await occupyRow(1)
  const opening = open({ port: first })
  await Promise.all(strangers.map(release))
  await using http = await opening
  expect(http.ports).toEqual([first])
})

test('a term that ends while its server is being started leaves no server behind', async () => {
  const { first, strangers } = await occupyRow(1)
  await Promise.all(strangers.map(release))
  const scope = new Scope()
  const starting = startHttp(scope, { host: HOST, port: first, handler: hello, onPort: async () => {}, onError: () => {} })
  await scope[Symbol.asyncDispose]()
  await starting
  const taken = await eventually(() => occupy(first))
  await release(taken)
})
