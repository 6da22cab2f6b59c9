import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.ts'
import { BATCH } from '../../../src/core/retention.ts'
import { Scope } from '../../../src/core/scope.ts'
import { startJanitor } from '../../../src/peer/leader/janitor.ts'
import { arrival, candidate, openFakeMesh } from '../fakes.ts'

const HOUR = 3_600_000
const MESSAGE_TTL = 24 * HOUR
const EVENT_TTL = 48 * HOUR
const LETTER = { type: 'text', priority: 'normal', payload: 'hello' } as const

/** A mesh with two peers, the first of which leads. */
async function open() {
  const mesh = await openFakeMesh()
  const { store, database, clock } = mesh
  const ids = [(await store.peers.join(arrival(1))).id, (await store.peers.join(arrival(2))).id] as const
  const leader = candidate(1)
  const seen = { term: store.leadership.read().term, because: 'vacant' } as const
  const term = await store.leadership.stand(leader, seen, { isGone: () => false, guard: () => true })
  if (term === undefined) throw new Error('nobody was elected')
  const scope = new Scope()
  const janitor = startJanitor(scope, {
    store,
    database,
    leadership: store.leadership,
    clock,
    term,
    socketPath: leader.socketPath,
    messageTtlMs: MESSAGE_TTL,
    eventTtlMs: EVENT_TTL,
    log: silentLog,
  })
  const row = await store.peers.get(ids[0])
  const sender = { id: ids[0], name: row?.name ?? '', agentType: 'a', projectPath: '/project', gitRoot: null, repo: null }
  return {
    ...mesh,
    ids,
    term,
    sender,
    janitor,
    send: (count: number, to = ids[1]) =>
      Promise.all(Array.from({ length: count }, () => store.messages.send(sender, [to], LETTER))),
    count: (table: 'messages' | 'events' | 'peers') =>
      database.read((sql) => sql.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n ?? 0),
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]()
      mesh[Symbol.dispose]()
    },
  }
}

test('what is young stays', async () => {
  await using mesh = await open()
  await mesh.send(3)
  mesh.clock.pass(MESSAGE_TTL - 1)
  expect(await mesh.janitor.runOnce()).toEqual({ messages: 0, events: 0, peers: 0 })
  expect(mesh.count('messages')).toBe(3)
})

test('read mail goes after its time; unread mail first expires, which its sender sees, and goes a time later', async () => {
  await using mesh = await open()
  await mesh.send(5)
  const unread = await mesh.store.messages.unread(mesh.ids[1], {}, 2)
  await mesh.store.messages.markSeen(unread.map(({ id }) => id))
  mesh.clock.pass(MESSAGE_TTL + 1)
  await mesh.janitor.runOnce()
  const sent = async () =>
    (await mesh.store.messages.latest(mesh.ids[0], 'sent', {}, 10)).map(({ state, payload }) => [state, payload])
  expect(await sent()).toEqual([
    ['expired', ''],
    ['expired', ''],
    ['expired', ''],
  ])
  expect(await mesh.store.messages.unread(mesh.ids[1], {}, 10)).toEqual([])
  expect((await mesh.store.peers.get(mesh.ids[1]))?.unread).toBe(0)
  mesh.clock.pass(MESSAGE_TTL)
  expect((await mesh.janitor.runOnce()).messages).toBe(3)
  expect(mesh.count('messages')).toBe(0)
})

test('more than a batch goes in one round, and what is counted is what has gone', async () => {
  await using mesh = await open()
  const count = 2 * BATCH + 7
  await mesh.send(count)
  const events = mesh.count('events')
  mesh.clock.pass(EVENT_TTL + 1)
  expect(await mesh.janitor.runOnce()).toEqual({ messages: count, events, peers: 0 })
  // However old, what nobody has read is expired first, and goes only then.
  expect([mesh.count('messages'), mesh.count('events')]).toEqual([count, 0])
  mesh.clock.pass(MESSAGE_TTL)
  expect(await mesh.janitor.runOnce()).toEqual({ messages: count, events: 0, peers: 0 })
  expect([mesh.count('messages'), mesh.count('events')]).toEqual([0, 0])
  expect(await mesh.store.status.counts()).toMatchObject({ messages: { total: 0, unread: 0, undelivered: 0 }, events: 0 })
})

test('a mailbox that was left long ago is forgotten, unless mail waits in it or its peer lives', async () => {
  await using mesh = await open()
  const left = await mesh.store.peers.join(arrival(3))
  await mesh.store.peers.end(left.id, 'left', arrival(3).socketPath)
  const waiting = await mesh.store.peers.join(arrival(4))
  await mesh.store.peers.end(waiting.id, 'left', arrival(4).socketPath)
  mesh.clock.pass(EVENT_TTL + 1)
  await mesh.send(1, waiting.id)
  expect((await mesh.janitor.runOnce()).peers).toBe(1)
  const known = (await mesh.store.peers.all()).map(({ id }) => id)
  expect(known.sort()).toEqual([...mesh.ids, waiting.id].sort())
})

test.each([1, -1])('after a jump of the wall clock (%i day) one round takes nothing', async (days) => {
  await using mesh = await open()
  await mesh.send(3)
  mesh.clock.jump(days * 3 * 24 * HOUR)
  expect(await mesh.janitor.runOnce()).toEqual({ messages: 0, events: 0, peers: 0 })
  expect(mesh.count('messages')).toBe(3)
})

test('a janitor whose term is over takes nothing', async () => {
  await using mesh = await open()
  await mesh.send(3)
  mesh.clock.pass(3 * EVENT_TTL)
  const { leadership } = mesh.store
  await leadership.stand(candidate(2), { term: mesh.term, because: 'hung' }, { isGone: () => false, guard: () => true })
  await expect(mesh.janitor.runOnce()).rejects.toMatchObject({ code: 'not_leader', facts: { term: mesh.term } })
  expect(mesh.count('messages')).toBe(3)
})

test('pages that are free are given back to the disk', async () => {
  await using mesh = await open()
  await Promise.all(
    Array.from({ length: 400 }, () =>
      mesh.store.messages.send(mesh.sender, [mesh.ids[1]], { ...LETTER, payload: 'x'.repeat(20_000) }),
    ),
  )
  mesh.database.wal.checkpoint('restart')
  const before = mesh.database.wal.sizes().sizeBytes
  for (let round = 0; round < 2; round++) {
    mesh.clock.pass(3 * EVENT_TTL)
    await mesh.janitor.runOnce()
  }
  mesh.database.wal.checkpoint('restart')
  const after = mesh.database.wal.sizes().sizeBytes
  console.info(`janitor: ${before} → ${after} bytes`)
  expect(before).toBeGreaterThan(8_000_000)
  expect(after).toBeLessThan(before / 8)
})
