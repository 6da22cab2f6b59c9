import { rmSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../support/bare-store.ts'
import { eventually } from '../support/eventually.ts'
import { type Machine, machine } from '../support/machine.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'

const duties = ({ engine }: Machine) => {
  if (!engine.shared) throw new Error('it is one machine')
  return engine.shared.duties
}

/** Lets time pass on a machine that looks after the others all the while. Returns how many it has ended. */
async function watch(on: Machine, clock: FakeClock, ms: number): Promise<number> {
  let ended = 0
  for (let passed = 0; passed < ms; passed += 2_000) {
    clock.pass(2_000)
    ended += await duties(on).bury()
  }
  return ended
}

describe.skipIf(!natsServer)(`machines of a mesh${needsNats}`, () => {
  const nats = sharedNats()

  async function two(clocks = [new FakeClock(), new FakeClock()]) {
    const env = ownMesh(nats())
    const one = await machine(nats().url, { env, ...(clocks[0] && { clock: clocks[0] }) })
    const two = await machine(nats().url, { env, ...(clocks[1] && { clock: clocks[1] }) })
    for (const each of [one, two]) await duties(each).beat()
    return { one, two, env, clock: clocks[0] as FakeClock, other: clocks[1] as FakeClock }
  }
  const seen = async (on: Machine, name: string) => {
    await on.engine.store.catchUp?.()
    return on.engine.store.peers.toPeer(await on.engine.store.peers.resolve(name))
  }
  const status = async (on: Machine, name: string) => (await seen(on, name)).status

  test('one that is silent for half a minute is ended: its peers, its locks, its waits; not one that beats', async () => {
    const mesh = await two()
    using one = mesh.one
    using gone = mesh.two
    const third = await machine(nats().url, { env: mesh.env })
    using other = third
    const [ann, bob, cid] = [await one.join({ name: 'ann' }), await gone.join({ name: 'bob' }), await other.join({ name: 'cid' })]
    const filePath = '/x'
    await gone.caller(bob)('lock.acquire', { filePath })
    expect(await watch(one, mesh.clock, 10_000)).toBe(0)
    await duties(other).beat()
    expect(await watch(one, mesh.clock, 16_000)).toBe(0)
    await duties(other).beat()
    expect(await watch(one, mesh.clock, 10_000)).toBe(1)
    expect(await status(one, 'bob')).toBe('away')
    for (const { id } of [ann, cid]) expect((await one.engine.store.peers.get(id))?.live).toBe(1)
    expect((await one.caller(ann)('lock.query', {})).locks).toEqual([])
    const { events } = await one.caller(ann)('event.read', { types: ['peer_left', 'file_unlocked'] })
    expect(events).toMatchObject([
      { type: 'file_unlocked', payload: { reason: 'crashed' } },
      { type: 'peer_left', payload: { name: 'bob', reason: 'expired' } },
    ])
    // It was only cut off: its process takes up its mailbox again, under its name, with its mail.
    await one.caller(ann)('message.send', { to: 'bob', message: 'are you there?' })
    await gone.engine.store.catchUp?.()
    expect((await gone.engine.store.peers.get(bob.id))?.live).toBe(0)
    const back = await gone.join({ name: 'bob' })
    expect(back.id).toBe(bob.id)
    expect((await gone.caller(back)('message.inbox', {})).messages).toMatchObject([{ payload: 'are you there?' }])
  })

  test('of which no beat has come for a while is shown as stale, by the clock of whoever looks', async () => {
    const mesh = await two()
    using one = mesh.one
    using other = mesh.two
    await other.join({ name: 'bob' })
    expect(await status(one, 'bob')).toBe('active')
    mesh.clock.pass(31_000)
    expect(await status(one, 'bob')).toBe('stale')
    const { lastHeartbeat } = await seen(one, 'bob')
    mesh.other.pass(31_000)
    await duties(other).beat()
    const again = await seen(one, 'bob')
    expect(again.status).toBe('active')
    // Its own beats do not come here; that its machine lives says that it does.
    expect(Date.parse(again.lastHeartbeat) - Date.parse(lastHeartbeat)).toBeGreaterThanOrEqual(31_000)
  })

  test.each([
    ['between two looks', false],
    ['while it looks', true],
  ])('a machine that has slept %s gives nobody up for what it has not seen', async (_, whileItLooks) => {
    const mesh = await two()
    using one = mesh.one
    using other = mesh.two
    await other.join({ name: 'bob' })
    await watch(one, mesh.clock, 20_000)
    const look = whileItLooks && duties(one).bury()
    mesh.clock.pass(3_600_000)
    if (look) expect(await look).toBe(0)
    expect(await duties(one).bury()).toBe(0)
    expect(await watch(one, mesh.clock, 28_000)).toBe(0)
    expect(await watch(one, mesh.clock, 4_000)).toBe(1)
  })

  test('whoever is ended at the moment of its beat is ended before it, or not at all', async () => {
    let ended = 0
    for (let i = 0; i < 10; i++) {
      const mesh = await two()
      using one = mesh.one
      using other = mesh.two
      await other.join({ name: 'bob' })
      await watch(one, mesh.clock, 30_000)
      mesh.clock.pass(2_000)
      const [buried] = await Promise.all([duties(one).bury(), duties(other).beat()])
      ended += buried
      expect(await status(one, 'bob')).toBe(buried === 1 ? 'away' : 'active')
    }
    expect(ended).toBeLessThanOrEqual(10)
  })

  test('a machine that has not beaten for half a minute counts its own locks as lost, before anybody can have them', async () => {
    const mesh = await two()
    using one = mesh.one
    using other = mesh.two
    const bob = await other.join({ name: 'bob' })
    await other.caller(bob)('lock.acquire', { filePath: '/x' })
    expect(other.engine.store.locks.heldBy(bob.id)).toHaveLength(1)
    mesh.other.pass(30_001)
    expect(other.engine.store.locks.heldBy(bob.id)).toEqual([])
    expect(await watch(one, mesh.clock, 28_000)).toBe(0)
    await duties(other).beat()
    expect(other.engine.store.locks.heldBy(bob.id)).toHaveLength(1)
  })

  test('what is to be done once is done by one machine, and by another when that one is silent', async () => {
    const mesh = await two()
    using one = mesh.one
    using other = mesh.two
    for (const each of [one, other]) await each.engine.store.catchUp?.()
    const firsts = [duties(one).isFirst(), duties(other).isFirst()]
    expect([...firsts].sort()).toEqual([false, true])
    const [last, clock] = firsts[0] ? [other, mesh.other] : [one, mesh.clock]
    await last.join()
    await watch(last, clock, 34_000)
    expect(duties(last).isFirst()).toBe(true)
  })

  test('a copy that was thrown away is made again, and its machine is the same', async () => {
    const mesh = await two()
    using one = mesh.one
    using other = mesh.two
    await one.join({ name: 'ann' })
    rmSync(`${other.dir}/mesh.db`)
    await eventually(() => other.engine.database.replaced())
    await other.engine.database.reopen(() => {})
    expect(await status(other, 'ann')).toBe('active')
    expect(other.warnings).toEqual([])
  })
})
