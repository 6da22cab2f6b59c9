import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.ts'
import type { Actor } from '../../src/core/operation.ts'
import type { Caller } from '../../src/core/operations.ts'
import { BATCH } from '../../src/core/retention.ts'
import { Scope } from '../../src/core/scope.ts'
import { startJanitor } from '../../src/peer/leader/janitor.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'
import { report } from '../support/figures.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

let bare: BareStore
let scope: Scope
let term: number
let janitor: ReturnType<typeof startJanitor>
let a: Actor
let b: Actor
let asA: Caller
let asB: Caller

beforeEach(async () => {
  bare = await bareStore()
  const { store, database, clock } = bare
  a = await bare.join()
  b = await bare.join()
  ;[asA, asB] = [bare.caller(a), bare.caller(b)]
  term = await elect(a)
  scope = new Scope()
  janitor = startJanitor(scope, {
    ...{ store, database, leadership: store.leadership, clock, term, socketPath: `/leads/${a.id}`, log: silentLog },
    ...{ messageTtlMs: DAY, eventTtlMs: 2 * DAY },
  })
})
afterEach(async () => {
  await scope[Symbol.asyncDispose]()
  await bare[Symbol.asyncDispose]()
})

/** Moves the term row to that peer, as an election does. */
async function elect(peer: Actor): Promise<number> {
  const { leadership } = bare.store
  const process = { pid: 1, startedAt: '1', bootId: bare.clock.bootId, pidNamespace: '' }
  const candidate = { id: peer.id, name: peer.name, process, socketPath: `/leads/${peer.id}` }
  const seen = { term: leadership.read().term, because: 'hung' as const }
  const won = await leadership.stand(candidate, seen, { isGone: () => false, guard: () => true })
  if (won === undefined) throw new Error('not elected')
  return won
}

const payloads = async (caller: Caller, filter: 'unread' | 'all' = 'unread') =>
  (await caller('message.inbox', { filter, limit: 100 })).messages.map((m) => m.payload)
const sentStates = async () => (await asA('message.inbox', { filter: 'sent', limit: 100 })).messages.map((m) => m.state)

describe.each([
  ['a day ahead', DAY],
  ['a day back', -DAY],
])('when the wall clock jumps %s', (_, jump) => {
  test('a lock neither ends nor lives on: it lasts as long as was said', async () => {
    await asA('lock.acquire', { filePath: '/x', ttlMinutes: 10 })
    bare.clock.jump(jump)
    expect(await bare.store.locks.expire(100)).toBe(0)
    await expect(asB('lock.acquire', { filePath: '/x' })).rejects.toMatchObject({ code: 'locked' })
    bare.clock.pass(10 * MINUTE - 1)
    await expect(asB('lock.acquire', { filePath: '/x' })).rejects.toMatchObject({ code: 'locked' })
    bare.clock.pass(1)
    expect((await asB('lock.acquire', { filePath: '/x' })).lock?.lockedBy.id).toBe(b.id)
    report(22, {
      load: 'two peers, one lock of 10 min',
      injected: 1,
      more: `a jump of ${jump / HOUR} h: the lock ended after its 10 min`,
    })
  })

  test('a place in line lasts as long as was said', async () => {
    await asA('lock.acquire', { filePath: '/x' })
    const claim = { paths: [{ filePath: '/x', key: '/x', repo: null, repoPath: null }], reason: '', ttlMs: MINUTE, ticket: null }
    await bare.store.locks.acquire(b, claim, MINUTE)
    await asA('lock.release', { filePath: '/x' })
    const c = bare.caller(await bare.join())
    bare.clock.jump(jump)
    await expect(c('lock.acquire', { filePath: '/x' })).rejects.toMatchObject({ facts: { conflicts: [{ kind: 'awaited' }] } })
    bare.clock.pass(MINUTE)
    await c('lock.acquire', { filePath: '/x' })
  })

  test('nobody turns stale, and who is silent still does', async () => {
    bare.clock.jump(jump)
    const statuses = async () => (await bare.store.peers.all()).map((row) => bare.store.peers.toPeer(row).status)
    expect(await statuses()).toEqual(['active', 'active'])
    bare.clock.pass(30_001)
    expect(await statuses()).toEqual(['stale', 'stale'])
  })

  test('retention skips a round, then prunes again', async () => {
    await asA('message.send', { to: b.name, message: 'kept' })
    await asA('message.send', { to: b.name, message: 'old' })
    expect(await payloads(asB)).toEqual(['kept', 'old'])
    bare.clock.pass(MINUTE)
    bare.clock.jump(jump)
    expect(await janitor.runOnce()).toEqual({ messages: 0, events: 0, peers: 0 })
    expect(await payloads(asB, 'all')).toEqual(['kept', 'old'])
    bare.clock.pass(2 * DAY)
    expect((await janitor.runOnce()).messages).toBe(2)
    expect(await payloads(asB, 'all')).toEqual([])
  })
})

describe('retention', () => {
  test('takes what is past its time, in batches, and nothing else', async () => {
    const old = 2 * BATCH + 7
    const times = (n: number, send: (i: number) => Promise<unknown>) => Promise.all(Array.from({ length: n }, (_, i) => send(i)))
    await times(old, (i) => asA('event.emit', { types: ['x_old'], payload: { i } }))
    await times(old, (i) => asA('message.send', { to: b.name, message: `old ${i}` }))
    for (let read = 0; read < old; ) read += (await payloads(asB)).length
    bare.clock.pass(DAY)
    await asA('message.send', { to: b.name, message: 'young' })
    await payloads(asB)
    bare.clock.pass(1)
    expect(await janitor.runOnce()).toEqual({ messages: old, events: 0, peers: 0 })
    expect(await payloads(asB, 'all')).toEqual(['young'])
    bare.clock.pass(DAY - 1)
    expect((await janitor.runOnce()).events).toBe(0)
    bare.clock.pass(1)
    // Of each old message an event told as well; and two peers joined, and one was elected.
    expect((await janitor.runOnce()).events).toBe(2 * old + 3)
    const { events } = await asB('event.read', { since: 0, limit: 200 })
    expect(events.map((event) => event.type)).toEqual(['message_received'])
    expect((await bare.store.status.counts()).messages).toEqual({ total: 0, unread: 0, undelivered: 0 })
  })

  test('unread mail past its time is expired for its sender, gone for its recipient, and deleted a time later', async () => {
    const { messageId = '' } = await asA('message.send', { to: b.name, message: 'secret' })
    bare.clock.pass(DAY + 1)
    await janitor.runOnce()
    expect(await sentStates()).toEqual(['expired'])
    expect(await payloads(asB)).toEqual([])
    expect(await payloads(asB, 'all')).toEqual([])
    expect((await bare.store.status.counts()).messages).toEqual({ total: 1, unread: 0, undelivered: 0 })
    bare.clock.pass(DAY - 1)
    await janitor.runOnce()
    expect(await sentStates()).toEqual(['expired'])
    bare.clock.pass(1)
    await janitor.runOnce()
    expect(await sentStates()).toEqual([])
    await expect(asB('message.send', { to: a.name, message: 'late', replyTo: messageId })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('mail that nobody pruned for long is expired for its sender before it goes', async () => {
    await asA('message.send', { to: b.name, message: 'over a long weekend' })
    bare.clock.pass(3 * DAY)
    await janitor.runOnce()
    expect(await sentStates()).toEqual(['expired'])
    bare.clock.pass(DAY)
    await janitor.runOnce()
    expect(await sentStates()).toEqual([])
  })

  test('a mailbox that was left long ago is forgotten, but not while it has unread mail', async () => {
    const c = await bare.join({ agentType: 'c' })
    const d = await bare.join({ agentType: 'd' })
    await bare.leave(c)
    await bare.leave(d)
    bare.clock.pass(2 * DAY)
    await asA('message.send', { to: d.name, message: 'still there?' })
    expect((await janitor.runOnce()).peers).toBe(0)
    bare.clock.pass(1)
    expect((await janitor.runOnce()).peers).toBe(1)
    expect((await bare.store.peers.all()).map((row) => row.name).sort()).toEqual([a.name, b.name, d.name].sort())
  })

  test('a leader whose term is over prunes nothing, and is told so', async () => {
    await asA('message.send', { to: b.name, message: 'read' })
    expect(await payloads(asB)).toHaveLength(1)
    bare.clock.pass(5 * DAY)
    await elect(b)
    await expect(janitor.runOnce()).rejects.toMatchObject({ code: 'not_leader', facts: { term } })
    expect(await payloads(asB, 'all')).toHaveLength(1)
    // Of the same term, but not the one who won it: as little.
    const mine = bare.store.leadership.read().term
    const forged = bare.store.leadership.fenced(mine, '/leads/somebody', (tx) => tx.run('DELETE FROM messages'))
    await expect(forged).rejects.toMatchObject({ code: 'not_leader' })
    expect(await payloads(asB, 'all')).toHaveLength(1)
  })
})
