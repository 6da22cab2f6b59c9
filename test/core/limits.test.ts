import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBudget, MAX_LIST, MAX_PEERS } from '../../src/core/limits.ts'
import type { Actor } from '../../src/core/operation.ts'
import type { Caller } from '../../src/core/operations.ts'
import { type BareStore, bareStore, FakeClock } from '../support/bare-store.ts'
import { joinPeers } from '../support/peers.ts'

/** Every limit at its edge and one past it. What is past it changes nothing. */

describe('what the mesh holds', () => {
  let bare: BareStore
  let a: Actor
  let b: Actor
  let asA: Caller
  let asB: Caller
  beforeEach(async () => {
    bare = await bareStore()
    a = await bare.join()
    b = await bare.join()
    ;[asA, asB] = [bare.caller(a), bare.caller(b)]
  })
  afterEach(() => bare[Symbol.asyncDispose]())
  const times = <T>(n: number, act: (i: number) => Promise<T>) => Promise.all(Array.from({ length: n }, (_, i) => act(i)))

  test('10,000 entries a namespace; those that are there can be changed, and a deleted one makes room', async () => {
    await times(10_000, (i) => asA('state.set', { key: `k${i}`, value: '' }))
    const full = { code: 'full', facts: { limit: 10_000 } }
    await expect(asA('state.set', { key: 'one more', value: '' })).rejects.toMatchObject(full)
    await expect(asA('state.set', { key: 'one more', value: '', ifVersion: 0 })).rejects.toMatchObject(full)
    await asA('state.set', { key: 'k0', value: 'changed' })
    await asA('state.set', { key: 'one more', value: '', namespace: 'another' })
    await expect(asB('state.get', { key: 'one more' })).rejects.toMatchObject({ code: 'not_found' })
    await asB('state.delete', { key: 'k1' })
    await asA('state.set', { key: 'one more', value: '' })
  })

  test('10,000 unread messages a mailbox; then its senders are told, others go on, and reading makes room', async () => {
    const c = await bare.join({ agentType: 'c' })
    await times(100, () => asA('message.send', { to: b.name, message: 'x' }))
    await bare.copyMail(9_900)
    const refused = { code: 'full', facts: { what: expect.stringContaining(b.name) } }
    await expect(asA('message.send', { to: b.name, message: 'x' })).rejects.toMatchObject(refused)
    // To several of whom one is full: nobody gets it.
    await expect(asA('message.send', { to: [c.name, b.name], message: 'x' })).rejects.toMatchObject(refused)
    expect((await bare.caller(c)('message.inbox', {})).messages).toEqual([])
    await asA('message.send', { to: c.name, message: 'x' })
    expect((await asB('message.inbox', { limit: 1 })).messages).toHaveLength(1)
    await asA('message.send', { to: b.name, message: 'the last' })
    expect((await bare.store.peers.get(b.id))?.unread).toBe(10_000)
  })

  test(`${MAX_PEERS} peers at once; one that leaves makes room`, async () => {
    const peers = await times(MAX_PEERS - 2, (i) => bare.join({ agentType: `t${i}` }))
    expect(new Set(peers.map(({ name }) => name)).size).toBe(MAX_PEERS - 2)
    await expect(bare.join({ agentType: 'late' })).rejects.toMatchObject({ code: 'full', facts: { limit: MAX_PEERS } })
    expect((await bare.store.peers.all()).filter((row) => row.live === 1)).toHaveLength(MAX_PEERS)
    const sent = await asA('message.send', { to: 'all', message: 'everybody' })
    expect(sent.recipients).toHaveLength(MAX_PEERS - 1)
    await bare.leave(b)
    await bare.join({ agentType: 'late' })
  })

  test(`${MAX_LIST} recipients of a message, and ${MAX_LIST} paths of a lock`, async () => {
    const paths = Array.from({ length: MAX_LIST + 1 }, (_, i) => `/p/${i}`)
    await expect(asA('lock.acquire', { filePath: paths })).rejects.toMatchObject({ code: 'invalid' })
    await expect(asA('lock.query', { filePath: paths })).rejects.toMatchObject({ code: 'invalid' })
    expect((await asA('lock.query', {})).locks).toEqual([])
    expect((await asA('lock.acquire', { filePath: paths.slice(1) })).locks).toHaveLength(MAX_LIST)
    expect((await asA('lock.release', { filePath: paths.slice(1) })).locks).toHaveLength(MAX_LIST)
    await expect(asA('lock.acquire', { filePath: [] })).rejects.toMatchObject({ code: 'invalid' })

    const others = await times(MAX_LIST + 1, (i) => bare.join({ agentType: `t${i}` }))
    const to = others.map(({ name }) => name)
    await expect(asA('message.send', { to, message: 'x' })).rejects.toMatchObject({ code: 'invalid' })
    await expect(asA('message.send', { to: [], message: 'x' })).rejects.toMatchObject({ code: 'invalid' })
    expect((await asA('message.send', { to: to.slice(1), message: 'x' })).recipients).toHaveLength(MAX_LIST)
    expect((await bare.store.status.counts()).messages.total).toBe(MAX_LIST)
  })

  test('an event’s payload may have 64 KiB, its types 32, and a read 200', async () => {
    const payload = (bytes: number) => ({ p: 'x'.repeat(bytes - '{"p":""}'.length) })
    await asA('event.emit', { types: ['x_e'], payload: payload(65_536) })
    await expect(asA('event.emit', { types: ['x_e'], payload: payload(65_537) })).rejects.toMatchObject({ code: 'too_large' })
    const types = Array.from({ length: 33 }, (_, i) => `x_${i}`)
    await expect(asA('event.subscribe', { types })).rejects.toMatchObject({ code: 'invalid' })
    expect((await asA('event.subscribe', { types: types.slice(1) })).subscribed).toHaveLength(32)
    await expect(asA('event.read', { limit: 201 })).rejects.toMatchObject({ code: 'invalid' })
    await expect(asA('event.emit', { types: ['a', 'b'] })).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('writes per peer', () => {
  test('are limited by SLM_MESH_RATE, reads are not, and another peer’s budget is its own', async () => {
    await using mesh = await joinPeers(2, { settings: { SLM_MESH_RATE: '20' } })
    const [a, b] = mesh.peers
    if (!a || !b) throw new Error('two peers are needed')
    const many = await Promise.allSettled(Array.from({ length: 60 }, (_, i) => a.call('state.set', { key: `k${i}`, value: '' })))
    const written = many.filter(({ status }) => status === 'fulfilled').length
    const refused = many.find((outcome) => outcome.status === 'rejected')
    expect(refused).toMatchObject({ reason: { code: 'rate_limited', facts: { limit: 20, windowMs: 10_000 } } })
    // What the budget regains while the calls are made is little.
    expect(written).toBeGreaterThanOrEqual(20)
    expect(written).toBeLessThan(40)
    expect((await a.call('state.list', {})).entries).toHaveLength(written)
    await b.call('state.set', { key: 'other', value: '' })
  })

  test('are not limited by a rate of 0', async () => {
    await using mesh = await joinPeers(1, { settings: { SLM_MESH_RATE: '0' } })
    const [a] = mesh.peers
    if (!a) throw new Error('a peer is needed')
    await Promise.all(Array.from({ length: 3_000 }, () => a.call('state.set', { key: 'k', value: '' })))
  })

  test('come back evenly, up to the limit, and the refusal tells when', () => {
    const clock = new FakeClock()
    const budget = createBudget(100, 10_000, clock.uptime)
    for (let i = 0; i < 100; i++) budget.spend()
    const refusal = () => {
      try {
        budget.spend()
      } catch (error) {
        return error
      }
      return undefined
    }
    expect(refusal()).toMatchObject({ code: 'rate_limited', facts: { retryAfterMs: 100 } })
    clock.pass(50)
    expect(refusal()).toMatchObject({ facts: { retryAfterMs: 50 } })
    clock.pass(50)
    budget.spend()
    expect(refusal()).toBeDefined()
    // After a long rest there is the limit, and no more.
    clock.pass(86_400_000)
    for (let i = 0; i < 100; i++) budget.spend()
    expect(refusal()).toBeDefined()
    // A jump of the wall clock gives nothing and takes nothing.
    clock.jump(86_400_000)
    expect(refusal()).toMatchObject({ facts: { retryAfterMs: 100 } })
  })
})
