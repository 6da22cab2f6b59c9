import { describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { contentOf, machine } from '../support/machine.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'

describe.skipIf(!natsServer)(`two machines on one log${needsNats}`, () => {
  test('see each other, send, share and lock, and come to the same', async () => {
    await using nats = await startNats()
    using one = await machine(nats.url)
    using two = await machine(nats.url)
    const [ann, bob] = [await one.join({ name: 'ann' }), await two.join({ name: 'bob' })]
    const [a, b] = [one.caller(ann), two.caller(bob)]
    expect((await a('peer.list', {})).peers.map((peer) => peer.name)).toEqual(['bob'])
    const sent = await a('message.send', { to: 'bob', message: 'hello' })
    expect((await b('message.inbox', {})).messages).toMatchObject([{ id: sent.messageId, payload: 'hello' }])
    expect((await b('message.inbox', {})).messages).toEqual([])
    const { entry: first } = await a('state.set', { key: 'k', value: '1' })
    await b('state.set', { key: 'k', value: '2', ifVersion: first.version })
    await expect(a('state.set', { key: 'k', value: '3', ifVersion: first.version })).rejects.toMatchObject({
      code: 'version_conflict',
    })
    const lock = await a('lock.acquire', { filePath: '/project/x' })
    expect(lock.lock?.token).toBeGreaterThan(0)
    await eventually(() => JSON.stringify(contentOf(one)) === JSON.stringify(contentOf(two)))
    expect(one.warnings).toEqual([])
    expect(two.warnings).toEqual([])
  })

  test('a wait on one machine ends with what is sent on the other', async () => {
    await using nats = await startNats()
    using one = await machine(nats.url)
    using two = await machine(nats.url)
    const [ann, bob] = [await one.join({ name: 'ann' }), await two.join({ name: 'bob' })]
    const waiting = two.caller(bob)('message.inbox', { wait: 20 })
    await one.caller(ann)('message.send', { to: 'bob', message: 'now' })
    expect((await waiting).messages).toMatchObject([{ payload: 'now' }])
  })

  test('who writes at once is served one after the other: a counter counts', async () => {
    await using nats = await startNats()
    using one = await machine(nats.url)
    using two = await machine(nats.url)
    const callers = [one, two].map(async (each) => each.caller(await each.join()))
    const counts = await Promise.all(
      (await Promise.all(callers)).map(async (caller) => {
        for (let i = 0; i < 50; i++)
          for (;;) {
            const { entry } = await caller('state.get', { key: 'n' }).catch(() => ({ entry: undefined }))
            try {
              await caller('state.set', {
                key: 'n',
                value: String(Number(entry?.value ?? 0) + 1),
                ifVersion: entry?.version ?? 0,
              })
              break
            } catch (error) {
              expect(error).toMatchObject({ code: 'version_conflict' })
            }
          }
      }),
    )
    expect(counts).toHaveLength(2)
    await one.engine.store.catchUp?.()
    expect((await one.engine.store.state.get('default', 'n'))?.value).toBe('100')
  })
})
