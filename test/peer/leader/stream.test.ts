import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/event.ts'
import { joinMesh } from '../../../src/peer/peer.ts'
import { meshEnv } from '../../support/data-dir.ts'
import { eventually } from '../../support/eventually.ts'
import { type Leading, leading } from '../../support/leader.ts'

/** What a reader of the stream has been told so far, block by block. */
async function open(mesh: Leading, query = '', headers: Record<string, string> = {}) {
  const asking = request(`${mesh.url}/events/stream${query}`, {
    agent: false,
    headers: { authorization: `Bearer ${mesh.token}`, ...headers },
  })
  asking.on('error', () => {})
  asking.end()
  const [response] = (await once(asking, 'response')) as [IncomingMessage]
  const blocks: string[] = []
  let text = ''
  response.setEncoding('utf8')
  response.on('data', (chunk) => {
    const parts = (text + chunk).split('\n\n')
    text = parts.pop() ?? ''
    blocks.push(...parts)
  })
  response.on('error', () => {})
  const events = (): Event[] =>
    blocks.flatMap((block) => (/^id: /m.test(block) ? JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '') : []))
  await eventually(() => response.statusCode !== 200 || blocks.length > 0)
  return {
    response,
    blocks,
    events,
    closed: new Promise((resolve) => response.once('close', resolve)),
    [Symbol.dispose]: () => void asking.destroy(),
  }
}

test('events of the wanted types come as they happen, whoever emits them, each with its seq as the id', async () => {
  await using mesh = await leading()
  await using other = await joinMesh({ env: meshEnv(mesh.dir), agentType: 'other' })
  using stream = await open(mesh, '?types=x_a,x_b')
  expect(stream.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  })
  await mesh.peer.call('event.emit', { types: ['x_a'], payload: { n: 1, text: 'two\nlines' } })
  await other.call('event.emit', { types: ['x_other'] })
  await other.call('event.emit', { types: ['x_b'] })
  await mesh.ask('/events', { action: 'emit', types: ['x_a'], payload: { by: 'cli' } })
  await eventually(() => stream.events().length === 3)
  expect(stream.events()).toMatchObject([
    { type: 'x_a', payload: { n: 1, text: 'two\nlines' }, emittedBy: mesh.peer.self.id, emittedByName: mesh.peer.self.name },
    { type: 'x_b', emittedBy: other.self.id },
    { type: 'x_a', payload: { by: 'cli' }, emittedBy: 'cli' },
  ])
  const [first] = stream.events()
  expect(stream.blocks.join('\n')).toContain(`id: ${first?.seq}\n`)
})

test('a reader that comes back with the id of its last event misses nothing and gets nothing twice', async () => {
  await using mesh = await leading()
  const emit = (n: number) => mesh.peer.call('event.emit', { types: ['x_n'], payload: { n } })
  const numbers = (events: Event[]) => events.map((event) => event.payload.n)
  let last: number
  {
    using stream = await open(mesh, '?types=x_n')
    for (let n = 0; n < 3; n++) await emit(n)
    await eventually(() => stream.events().length === 3)
    last = stream.events().at(-1)?.seq ?? 0
  }
  for (let n = 3; n < 400; n++) await emit(n)
  using again = await open(mesh, '?types=x_n&since=1', { 'last-event-id': String(last) })
  await emit(400)
  await eventually(() => again.events().length === 398)
  expect(numbers(again.events())).toEqual(Array.from({ length: 398 }, (_, i) => i + 3))
})

test('where what it missed is no longer stored, the reader is told from where on the log goes', async () => {
  await using mesh = await leading()
  for (let n = 0; n < 5; n++) await mesh.peer.call('event.emit', { types: ['x_n'] })
  const newest = await mesh.peer.store.events.lastSeq()
  await using cleaned = await leadingWithout(mesh, newest)
  using stream = await open(cleaned, '?since=1')
  await eventually(() => stream.events().length > 0)
  expect(stream.blocks.some((block) => block === `event: reset\ndata: {"oldest":${newest}}`)).toBe(true)
  expect(stream.events()[0]?.seq).toBe(newest)
})

/** The same mesh, with everything before `seq` pruned. */
async function leadingWithout(mesh: Leading, seq: number) {
  const { store } = mesh.peer
  const row = store.leadership.read()
  await store.leadership.fenced(mesh.term, row.peer?.socketPath ?? '', (tx) => tx.run('DELETE FROM events WHERE seq < ?', seq))
  return { ...mesh, [Symbol.asyncDispose]: async () => {} }
}

test('bad positions are refused, and so are more streams than one leader keeps', async () => {
  await using mesh = await leading()
  for (const [query, headers] of [
    ['?since=yesterday', {}],
    ['?since=-1', {}],
    ['', { 'last-event-id': 'x' }],
    ['?unknown=1', {}],
  ] as const)
    expect(await mesh.ask(`/events/stream${query}`, undefined, headers)).toMatchObject({ status: 400, body: { code: 'invalid' } })
  const streams = await Promise.all(Array.from({ length: 32 }, () => open(mesh)))
  expect(streams.every(({ response }) => response.statusCode === 200)).toBe(true)
  const refused = await mesh.ask('/events/stream')
  expect(refused).toMatchObject({ status: 503, body: { ok: false, code: 'streams' } })
  expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
  for (const stream of streams) stream[Symbol.dispose]()
  await eventually(async () => {
    using stream = await open(mesh)
    return stream.response.statusCode === 200
  })
})

test('a stream ends with the leader, and leaves no subscription behind', async () => {
  const mesh = await leading()
  await using other = await joinMesh({ env: meshEnv(mesh.dir), agentType: 'other' })
  using stream = await open(mesh)
  expect(await other.store.events.subscriptions(mesh.peer.self.id)).toEqual([])
  await mesh[Symbol.asyncDispose]()
  await stream.closed
  expect(await other.store.events.unread(mesh.peer.self.id, 1)).toBeUndefined()
})

test('the client reads the stream back as the events that they are', async () => {
  await using mesh = await leading()
  const client = await mesh.client()
  const stop = new AbortController()
  const stream = client
    .stream({ types: ['x_n'], after: await mesh.peer.store.events.lastSeq(), signal: stop.signal })
    [Symbol.asyncIterator]()
  const next = stream.next()
  await mesh.peer.call('event.emit', { types: ['x_n'], payload: { text: 'ü🦦\n\n' } })
  const { events } = await mesh.peer.call('event.read', { types: ['x_n'] })
  expect((await next).value).toEqual(events[0])
  stop.abort()
  await stream.next().catch(() => {})
})
