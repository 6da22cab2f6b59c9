import { expect, test } from 'vitest'
import { Bell } from '../../src/core/bell.ts'
import { Claims } from '../../src/core/claims.ts'
import { silentLog } from '../../src/core/log.ts'
import { Scope } from '../../src/core/scope.ts'
import { createMailbox, type Telling } from '../../src/mcp/mailbox.ts'
import { startWaking, type WakeRoute } from '../../src/mcp/waking.ts'
import { bareStore } from '../support/bare-store.ts'
import { eventually } from '../support/eventually.ts'

/** An agent with a mailbox in a real file, and somebody who writes to it. */
async function agent(route: Partial<WakeRoute> = {}) {
  const bare = await bareStore()
  const [me, other] = [await bare.join(), await bare.join()]
  const scope = new Scope()
  const bell = new Bell()
  const pushed: string[] = []
  const door: WakeRoute = {
    name: 'door',
    isOpen: () => true,
    async wake(text) {
      pushed.push(text)
      return true
    },
    ...route,
  }
  const mailbox = createMailbox({ self: me, carrying: new Claims(), store: bare.store })
  const waking = startWaking(scope, { mailbox, bell, clock: bare.clock, log: silentLog, routes: [door] })
  let looks = 0
  return {
    ...waking,
    pushed,
    clock: bare.clock,
    bell,
    async send(priority: 'urgent' | 'normal' | 'low' = 'normal') {
      await bare.store.messages.send(other, [me.id], { type: 'text', priority, payload: 'x' })
      bell.ring()
    },
    /** Everything that a ring can bring about has happened: a question that comes after it has been answered. */
    async quiet() {
      looks++
      for (let i = 0; i < 20; i++) await bare.store.messages.untold(`nobody ${looks}`, 1)
    },
    states: async () => (await bare.store.messages.latest(me.id, 'all', {}, 100)).map(({ state }) => state),
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]()
      await bare[Symbol.asyncDispose]()
    },
  }
}

test('the first mail wakes at once; what comes in the next seconds wakes once, together', async () => {
  await using it = await agent()
  await it.send()
  await eventually(() => it.pushed.length === 1)
  await it.send()
  await it.send()
  await it.quiet()
  expect(it.pushed).toHaveLength(1)
  it.clock.pass(5_000)
  it.bell.ring()
  await eventually(() => it.pushed.length === 2)
  expect(it.pushed[1]).toMatch(/^\[mesh\] 2 new messages from .*: mesh_inbox shows them\.$/)
  it.clock.pass(60_000)
  it.bell.ring()
  await it.quiet()
  expect(it.pushed).toHaveLength(2)
  await eventually(async () => (await it.states()).every((state) => state === 'notified'))
})

test('urgent mail does not wait, low mail never wakes', async () => {
  await using it = await agent()
  await it.send('low')
  await it.quiet()
  expect(it.pushed).toEqual([])
  await it.send()
  await eventually(() => it.pushed.length === 1)
  await it.send('urgent')
  await eventually(() => it.pushed.length === 2)
  expect(it.pushed[1]).toContain('1 new message (1 urgent)')
})

test('an agent at work is left to its hooks, unless it shows no more sign of work, rests, or the mail is urgent', async () => {
  await using it = await agent()
  it.sign()
  await it.send()
  await it.quiet()
  expect(it.pushed).toEqual([])
  it.clock.pass(31_000)
  it.bell.ring()
  await eventually(() => it.pushed.length === 1)
  it.clock.pass(10_000)
  it.sign()
  await it.send()
  await it.quiet()
  expect(it.pushed).toHaveLength(1)
  it.rests()
  await eventually(() => it.pushed.length === 2)
  it.sign()
  await it.send('urgent')
  await eventually(() => it.pushed.length === 3)
})

test('a door that proves nothing is tried once, and the mail stays to be told of', async () => {
  await using it = await agent({ wake: async (text) => void it.pushed.push(text) === null })
  await it.send()
  await eventually(() => it.pushed.length === 1)
  it.clock.pass(60_000)
  it.bell.ring()
  await it.quiet()
  expect(it.pushed).toHaveLength(1)
  expect(await it.states()).toEqual(['queued'])
})

test('a hook that sleeps is roused before any other door is tried; a later one takes its place', async () => {
  await using it = await agent()
  const heard: (Telling | undefined)[] = []
  const never = new AbortController().signal
  void it.sleep(never).then((telling) => heard.push(telling))
  void it.sleep(never).then((telling) => heard.push(telling))
  await eventually(() => heard.length === 1)
  expect(heard).toEqual([undefined])
  await it.send()
  await eventually(() => heard.length === 2)
  expect(heard[1]?.text).toContain('1 new message')
  expect(it.pushed).toEqual([])
  await heard[1]?.settle(true)
  expect(await it.states()).toEqual(['notified'])
})

test('a sleeping hook that dies hears nothing, and mail finds another way', async () => {
  await using it = await agent()
  const life = new AbortController()
  const sleeping = it.sleep(life.signal)
  life.abort()
  expect(await sleeping).toBeUndefined()
  await it.send()
  await eventually(() => it.pushed.length === 1)
})

test('nobody is woken for mail that a call waits for', async () => {
  await using it = await agent()
  let end = () => {}
  const waiting = it.whileWaiting(() => new Promise<void>((resolve) => (end = resolve)))
  await it.send()
  await it.quiet()
  expect(it.pushed).toEqual([])
  end()
  await waiting
  await eventually(() => it.pushed.length === 1)
})
