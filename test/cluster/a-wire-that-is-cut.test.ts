import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh } from '../support/nats-mesh.ts'
import { createHosts } from '../support/scene.ts'
import { twoHosts } from '../support/two-hosts.ts'

const wire = natsServer ? twoHosts() : { refused: 'no server' }
const needsHosts = 'refused' in wire ? ' (skipped: no network namespaces can be made here)' : ''
if (natsServer && 'refused' in wire) console.warn(`agents on two hosts: NOT TESTED here: ${wire.refused}`)

const notice = async (agent: Agent) => String((await agent.tool('mesh_peers', {})).structuredContent?.notice ?? '')

/** Sends, one after the other, until told to stop; what was acknowledged, and what was not. */
function sender(agent: Agent, to: string) {
  let isEnough = false
  const [acknowledged, refused] = [[] as string[], [] as { text: string; code: string; ms: number }[]]
  const done = (async () => {
    for (let i = 0; !isEnough; i++) {
      const text = `${to} ${i}`
      const at = performance.now()
      await agent.call('message.send', { to, message: text }).then(
        () => void acknowledged.push(text),
        (error: { code?: string }) => void refused.push({ text, code: error.code ?? '', ms: performance.now() - at }),
      )
      await sleep(20)
    }
  })()
  return {
    acknowledged,
    refused,
    stop: async () => {
      isEnough = true
      await done
    },
  }
}

async function readAll(agent: Agent): Promise<string[]> {
  const got: string[] = []
  for (;;) {
    const { messages, more } = await agent.call('message.inbox', { limit: 100 })
    got.push(...messages.map(({ payload }) => String(payload)))
    if (!more) return got
  }
}

test.skipIf('refused' in wire)(
  `agents on two hosts message, share, lock and see each other leave; the wire is cut, and mended${needsNats || needsHosts}`,
  { timeout: 240_000 },
  async () => {
    if ('refused' in wire) return
    await using two = wire
    await using nats = await startNats({ host: two.a.address, via: two.a.via })
    const ends = [two.a, two.b]
    const hosts = createHosts(2, ownMesh(nats), { via: (n) => ends[n]?.via ?? [] })
    const [one, other] = hosts
    if (!one || !other) throw new Error('two were asked for')
    await using ann = await one.agent('ann')
    await using bob = await other.agent('bob')
    await using cid = await other.agent('cid')

    // All is well.
    const waiting = bob.call('message.inbox', { wait: 60 })
    await ann.call('message.send', { to: 'bob', message: 'hello' })
    expect((await waiting).messages).toMatchObject([{ payload: 'hello', from: { name: 'ann' } }])
    const { entry } = await bob.call('state.set', { key: 'k', value: 'b', ifVersion: 0 })
    expect((await ann.call('state.get', { key: 'k' })).entry).toEqual(entry)
    await bob.call('lock.acquire', { filePath: 'src/a.ts', ttlMinutes: 60 })
    await expect(ann.call('lock.acquire', { filePath: 'src/a.ts' })).rejects.toMatchObject({ code: 'locked' })

    // The wire is cut while both sides write.
    const [here, there] = [sender(ann, 'cid'), sender(bob, 'ann')]
    await eventually(() => here.acknowledged.length > 20 && there.acknowledged.length > 20)
    two.cut()
    const cutAt = performance.now()
    await eventually(() => there.refused.length > 0, { within: 30_000 })
    const toldAfterMs = Math.round(performance.now() - cutAt)
    const line = await notice(bob)
    expect(line).toContain(nats.url)
    expect(line).toMatch(/cannot be reached since .* nothing can be changed/)
    // What it knew, it knows, at once.
    const askedAt = performance.now()
    expect((await bob.call('peer.list', {})).peers.map(({ name }) => name).sort()).toEqual(['ann', 'cid'])
    expect((await bob.call('state.get', { key: 'k' })).entry.value).toBe('b')
    expect(performance.now() - askedAt).toBeLessThan(6_000)
    const writeAt = performance.now()
    const refusal = await bob.call('state.set', { key: 'k', value: 'x' }).catch((error: unknown) => error)
    expect(refusal).toMatchObject({ code: 'unreachable' })
    expect(performance.now() - writeAt).toBeLessThan(8_000)
    await ann.call('state.set', { key: 'other', value: 'goes on' })

    // The lock: lost over there before it is given away here.
    let lostAt = 0
    const losing = eventually(async () => {
      if (!(await notice(bob)).includes('Count your locks as lost')) return false
      lostAt = performance.now()
      return true
    })
    const got = await ann.call('lock.acquire', { filePath: 'src/a.ts', wait: 120 })
    const gotAt = performance.now()
    await losing
    expect(got.lock).toMatchObject({ lockedBy: { name: 'ann' } })
    const { events } = await ann.call('event.read', { types: ['peer_left'] })
    expect(events.map(({ payload }) => (payload as { reason?: string }).reason)).toEqual(['expired', 'expired'])
    // A look may take a moment; the rule itself is tested with clocks.
    const doubleHolders = lostAt > gotAt + 3_000 ? 1 : 0
    expect(doubleHolders).toBe(0)
    await here.stop()

    // Mended: who they were, with their mail.
    two.mend()
    const mendedAt = performance.now()
    const after = there.acknowledged.length
    await eventually(() => there.acknowledged.length > after + 5, { within: 60_000 })
    const backAfterMs = Math.round(performance.now() - mendedAt)
    await there.stop()
    expect(await bob.name()).toBe('bob')
    await eventually(async () => {
      const { peers } = await ann.call('peer.list', {})
      return peers.filter(({ status }) => status === 'active').length === 2
    })
    expect(await notice(bob)).not.toContain('cannot be reached')
    await expect(bob.call('lock.release', { filePath: 'src/a.ts' })).rejects.toMatchObject({ code: 'not_holder' })
    await expect(bob.call('lock.acquire', { filePath: 'src/a.ts' })).rejects.toMatchObject({ code: 'locked' })
    await ann.call('lock.release', { filePath: 'src/a.ts' })
    await bob.call('lock.acquire', { filePath: 'src/a.ts' })

    // Nothing is lost, nothing comes twice, each in its sender's order.
    const [forCid, forAnn] = [await readAll(cid), await readAll(ann)]
    const lost = [
      ...here.acknowledged.filter((text) => !forCid.includes(text)),
      ...there.acknowledged.filter((text) => !forAnn.includes(text)),
    ]
    const duplicated = forCid.length + forAnn.length - new Set([...forCid, ...forAnn]).size
    expect(lost).toEqual([])
    expect(duplicated).toBe(0)
    for (const texts of [forCid, forAnn]) {
      const order = texts.map((text) => Number(text.split(' ')[1]))
      expect(order).toEqual(order.toSorted((x, y) => x - y))
    }
    expect(here.refused).toEqual([])
    expect(new Set(there.refused.map(({ code }) => code))).toEqual(new Set(['unreachable']))
    const slowestMs = Math.round(Math.max(...there.refused.map(({ ms }) => ms)))
    expect(slowestMs).toBeLessThan(16_000)

    // They see each other leave.
    const left = ann.call('event.read', { types: ['peer_left'], since: events.at(-1)?.seq ?? 0, wait: 30 })
    await cid.kill()
    expect((await left).events).toMatchObject([{ payload: { name: 'cid', reason: 'crashed' } }])

    report('two hosts', {
      load: 'agents on two hosts write to each other, and the wire between them is cut for more than half a minute',
      injected: 1,
      acknowledged: here.acknowledged.length + there.acknowledged.length,
      ...{ lost: lost.length, duplicated, doubleHolders },
      more: `first refusal after ${toldAfterMs} ms, slowest ${slowestMs} ms; lock given away after ${Math.round(gotAt - cutAt)} ms, lost over there after ${Math.round(lostAt - cutAt)} ms; back ${backAfterMs} ms after the wire`,
    })
  },
)
