import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { contentOf, machine } from '../support/machine.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'
import { scaled } from '../support/scale.ts'
import { wireTo } from '../support/wire.ts'

describe.skipIf(!natsServer)(`an answer that does not come${needsNats}`, () => {
  const nats = sharedNats()

  test('is neither a yes nor a no: what was sent is stored, once, and its caller is told so', async () => {
    await using wire = await wireTo(nats().url)
    const env = ownMesh(nats())
    using one = await machine(wire.url, { env: { ...env, SLM_MESH_URL: wire.url } })
    using other = await machine(nats().url, { env })
    const ann = await one.join({ name: 'ann' })
    const bob = await other.join({ name: 'bob' })
    const count = scaled(10, 100)
    let swallowed = 0
    for (let n = 0; n < count; n++) {
      wire.onSent = (chunk) => {
        if (!chunk.includes(`HPUB slm.${env.SLM_MESH_MESH}.log`)) return
        wire.onSent = () => {}
        swallowed++
        // The server gets it, and its answer is lost with the connection. Half of the time somebody else writes meanwhile.
        wire.dropAnswers()
        setImmediate(async () => {
          if (n % 2 === 0) await other.caller(bob)('state.set', { key: 'k', value: String(n) })
          await sleep(20)
          wire.cut()
          await sleep(20)
          wire.heal()
        })
      }
      await one.caller(ann)('message.send', { to: 'bob', message: `m${n}` })
    }
    await other.engine.store.catchUp?.()
    const found = other.engine.database.read((sql) => sql.all<{ payload: string }>('SELECT payload FROM messages ORDER BY seq'))
    console.info(`unknown outcomes: ${swallowed} answers swallowed, ${count} messages acknowledged, ${found.length} stored`)
    expect(swallowed).toBe(count)
    expect(found.map(({ payload }) => payload)).toEqual(Array.from({ length: count }, (_, n) => `m${n}`))
  })

  test('reads of another machine are never behind what was acknowledged', async () => {
    const env = ownMesh(nats())
    using one = await machine(nats().url, { env })
    using other = await machine(nats().url, { env })
    const [a, b] = [one.caller(await one.join()), other.caller(await other.join())]
    const count = scaled(100, 1_000)
    let stale = 0
    for (let n = 0; n < count; n++) {
      await a('state.set', { key: 'k', value: String(n) })
      if ((await b('state.get', { key: 'k' })).entry.value !== String(n)) stale++
    }
    console.info(`stale reads: ${stale} of ${count}`)
    expect(stale).toBe(0)
  })

  test('while the server is away a copy is read and says so, a write fails clearly, and all goes on when it is back', async () => {
    await using wire = await wireTo(nats().url)
    const env = ownMesh(nats())
    using one = await machine(wire.url, { env: { ...env, SLM_MESH_URL: wire.url } })
    using other = await machine(nats().url, { env })
    const ann = await one.join({ name: 'ann' })
    const bob = await other.join({ name: 'bob' })
    await one.caller(ann)('state.set', { key: 'k', value: 'before' })
    expect(one.engine.shared?.outage()).toBe(null)
    wire.cut()
    await eventually(() => one.engine.shared?.outage() !== null)
    expect((await one.caller(ann)('state.get', { key: 'k' })).entry.value).toBe('before')
    await expect(one.caller(ann)('state.set', { key: 'k', value: 'lost' })).rejects.toMatchObject({
      code: 'unreachable',
      facts: { url: wire.url, detail: 'nothing was changed' },
    })
    // What is of this machine alone goes on.
    await one.engine.store.browserKeys.mint()
    await other.caller(bob)('message.send', { to: 'ann', message: 'for later' })
    const waiting = one.caller(ann)('message.inbox', { wait: 30 })
    wire.heal()
    expect((await waiting).messages).toMatchObject([{ payload: 'for later' }])
    await eventually(() => one.engine.shared?.outage() === null)
    await one.caller(ann)('state.set', { key: 'k', value: 'after' })
    for (const each of [one, other]) await each.engine.store.catchUp?.()
    expect(contentOf(one)).toEqual(contentOf(other))
  })
})
