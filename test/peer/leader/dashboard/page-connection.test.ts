import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { proofOf } from '../../../../src/peer/leader/client.ts'
import { createAsk, createTrust } from '../../../../src/peer/leader/dashboard/page/ask.ts'
import { stayConnected } from '../../../../src/peer/leader/dashboard/page/connection.ts'
import { prove } from '../../../../src/peer/leader/dashboard/page/proof.ts'
import { event, overview } from './page-samples.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const json = (response: ServerResponse, status: number, body: object) =>
  response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' }).end(JSON.stringify(body))
const frame = (seq: number) => `id: ${seq}\ndata: ${JSON.stringify(event(seq))}\n\n`

/** The page's connection to a leader that answers so, and what it told of it. */
async function connect(answer: Answer, { isLeader = true } = {}) {
  const heard: string[] = []
  const server = createServer((request, response) => {
    heard.push(`${request.url} ${request.headers.authorization ?? ''}`)
    const asked = new URL(request.url ?? '', 'http://mesh')
    if (asked.pathname !== '/dashboard/proof' || !isLeader) return answer(request, response)
    const { port } = server.address() as AddressInfo
    const digest = createHash('sha256').update('key').digest('hex')
    expect(asked.searchParams.get('key')).toBe(digest.slice(0, 16))
    const proof = proofOf(digest, asked.searchParams.get('challenge') ?? '', { port, term: 4, pid: 5 })
    return json(response, 200, { ok: true, term: 4, pid: 5, proof })
  }).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { fetch } = globalThis
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => fetch(origin + path, init))
  const over = new AbortController()
  const links: string[] = []
  const seqs: number[] = []
  const resets: (number | 'anew')[] = []
  const { port } = server.address() as AddressInfo
  const trust = createTrust(() => prove('key', String(port)))
  const ask = createAsk('key', trust, () => {})
  const done = stayConnected({
    ...{ key: 'key', trust, ask },
    signal: over.signal,
    on: {
      link: ({ state }) => links.push(state),
      overview: () => {},
      anew: () => resets.push('anew'),
      events: (events) => seqs.push(...events.map(({ seq }) => seq)),
      reset: (oldest) => resets.push(oldest),
    },
  })
  onTestFinished(async () => {
    over.abort()
    server.closeAllConnections()
    server.close()
    await done
    vi.unstubAllGlobals()
  })
  return { links, seqs, resets, done, heard, ask }
}

test('after a leader has gone the page comes back with the last event that it has seen', async () => {
  const asked: (string | undefined)[] = []
  const { links, seqs } = await connect((request, response) => {
    if (request.url === '/dashboard/overview') return json(response, 200, overview({ lastEvent: asked.length === 0 ? 7 : 9 }))
    asked.push(request.headers['last-event-id'] as string)
    response.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' })
    if (asked.length === 1) response.write(`: open\n\n${frame(8)}${frame(9)}`, () => setTimeout(() => response.destroy(), 20))
    else if (asked.length === 2) response.write(frame(10))
  })
  await vi.waitFor(() => expect(seqs).toEqual([8, 9, 10]), 10_000)
  expect(asked).toEqual(['7', '9'])
  expect(links).toEqual(['live', 'offline', 'live'])
})

test('a leader that is busy, or not yet there, is asked again', async () => {
  let asked = 0
  const { links } = await connect((request, response) => {
    if (++asked < 3) return json(response, 503, { ok: false, code: 'not_leader', error: 'term 4 is over' })
    if (request.url === '/dashboard/overview') return json(response, 200, overview())
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': open\n\n')
  })
  await vi.waitFor(() => expect(links).toEqual(['offline', 'offline', 'live']), 10_000)
})

test('a key that is refused ends it', async () => {
  const { links, done } = await connect((_, response) => json(response, 401, { ok: false, code: 'token', error: 'no' }))
  await done
  expect(links).toEqual(['signed-out'])
})

test('a log that begins later than was seen is told, and a database made anew is followed from its start', async () => {
  let streams = 0
  const { resets, seqs } = await connect((request, response) => {
    if (request.url === '/dashboard/overview') return json(response, 200, overview({ lastEvent: streams === 0 ? 50 : 2 }))
    streams++
    response.writeHead(200, { 'Content-Type': 'text/event-stream', Connection: 'close' })
    if (streams === 1)
      response.write(`event: reset\ndata: {"oldest":40}\n\n${frame(51)}`, () => setTimeout(() => response.destroy(), 20))
    else response.write(frame(Number(request.headers['last-event-id']) + 1))
  })
  await vi.waitFor(() => expect(seqs).toEqual([51, 3]), 10_000)
  expect(resets).toEqual([40, 'anew'])
})

test('a stranger on the port of a leader that has gone is told nothing of the key', async () => {
  // It says what a leader would say, and signs with what it has.
  const { links, heard, ask } = await connect(
    (_, response) => json(response, 200, { ok: true, term: 4, pid: 5, proof: '0'.repeat(64), ...overview() }),
    { isLeader: false },
  )
  await vi.waitFor(() => expect(links.length).toBeGreaterThan(2), 10_000)
  expect(new Set(links)).toEqual(new Set(['offline']))
  await expect(ask('/send', { toPeer: 'all', payload: 'x' })).rejects.toMatchObject({ code: 'offline' })
  expect(heard.filter((each) => !/^\/dashboard\/proof\?key=[0-9a-f]{16}&challenge=[0-9a-f]{32} $/.test(each))).toEqual([])
})
