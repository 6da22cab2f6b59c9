import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { inFile } from '../support/mesh-file.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'
import { createHosts, type SceneHost } from '../support/scene.ts'

describe.skipIf(!natsServer)(`two machines with two sessions each${needsNats}`, () => {
  const nats = sharedNats()
  let hosts: [SceneHost, SceneHost]
  let ann: Agent
  let bob: Agent
  let cid: Agent
  let dan: Agent

  beforeAll(async () => {
    hosts = createHosts(2, ownMesh(nats())) as typeof hosts
    const [one, other] = hosts
    ;[ann, bob] = await Promise.all([one.agent('ann'), one.agent('bob')])
    ;[cid, dan] = await Promise.all([other.agent('cid'), other.agent('dan')])
  })
  afterAll(async () => {
    for (const agent of [ann, bob, cid, dan]) await agent?.[Symbol.asyncDispose]()
  })

  /** As that machine's copy says. */
  const isInLine = (host: SceneHost, name: string) =>
    inFile(host.dir, (file) => file.prepare('SELECT 1 FROM lock_waits WHERE peer_name = ?').get(name) !== undefined)

  /** What an answer told beside itself. */
  const notice = async (agent: Agent) => (await agent.tool('mesh_status', {})).structuredContent?.notice

  test('all see all, and on which machine they are', async () => {
    for (const [agent, own] of [
      [ann, 'ann'],
      [dan, 'dan'],
    ] as const) {
      const { self, peers } = await agent.call('peer.list', {})
      const seen = Object.fromEntries([self, ...peers].map(({ name, host }) => [name, host]))
      expect(self.name).toBe(own)
      expect(seen).toEqual({ ann: 'host-1', bob: 'host-1', cid: 'host-2', dan: 'host-2' })
      expect(peers.every(({ status }) => status === 'active')).toBe(true)
    }
    const text = await ann.text('mesh_peers')
    expect(text).toMatch(/cid.*host-2/)
    expect((await dan.call('mesh.status', {})).peers).toMatchObject({ active: 4, total: 4 })
  })

  test('each machine has a leader of its own', async () => {
    const [first, second] = await Promise.all([bob, cid].map((agent) => agent.call('mesh.status', {})))
    expect(['ann', 'bob']).toContain(first?.leader?.name)
    expect(['cid', 'dan']).toContain(second?.leader?.name)
  })

  test('`machine` is this machine, `repo` is the repository wherever it was cloned to', async () => {
    const names = async (agent: Agent, scope: 'machine' | 'repo' | 'directory') =>
      (await agent.call('peer.list', { scope })).peers.map(({ name }) => name).sort()
    expect(await names(ann, 'machine')).toEqual(['bob'])
    expect(await names(cid, 'machine')).toEqual(['dan'])
    expect(await names(ann, 'repo')).toEqual(['bob', 'cid', 'dan'])
    expect(await names(dan, 'repo')).toEqual(['ann', 'bob', 'cid'])
    expect(await names(ann, 'directory')).toEqual(['bob'])
    await using elsewhere = await hosts[1].agent('eve', { cwd: hosts[1].dataDir })
    expect(await names(elsewhere, 'repo')).toEqual([])
    expect(await names(elsewhere, 'machine')).toEqual(['cid', 'dan'])
    expect(await names(ann, 'repo')).toEqual(['bob', 'cid', 'dan'])
  })

  test('a call that waits for mail is answered at once, from either machine', async () => {
    for (const [from, to, name] of [
      [ann, cid, 'cid'],
      [dan, bob, 'bob'],
    ] as const) {
      const waiting = to.call('message.inbox', { wait: 60 })
      await eventually(async () => (await from.call('peer.list', {})).peers.some((peer) => peer.name === name))
      const sentAt = performance.now()
      await from.call('message.send', { to: name, message: 'now' })
      expect((await waiting).messages).toMatchObject([{ payload: 'now' }])
      // Nobody has asked in between: it was the push. A look without one comes after seconds.
      expect(performance.now() - sentAt).toBeLessThan(2_000)
    }
  })

  test('who does not wait is told with the next answer, once', async () => {
    await ann.call('message.send', { to: 'dan', message: 'when you have time' })
    await eventually(async () => (await notice(dan)) === '1 new message from ann: mesh_inbox shows it.')
    expect(await notice(dan)).toBeUndefined()
    expect((await dan.call('message.inbox', {})).messages).toMatchObject([
      { payload: 'when you have time', from: { name: 'ann' } },
    ])
    await eventually(async () => (await ann.call('message.inbox', { filter: 'sent' })).messages.at(-1)?.state === 'seen')
  })

  test('of many senders on both machines each message arrives once, in its sender’s order', async () => {
    const senders = { ann, bob, dan }
    const sent = Object.entries(senders).map(async ([name, agent]) => {
      for (let i = 0; i < 40; i++) await agent.call('message.send', { to: 'cid', message: `${name} ${i}` })
    })
    const got: string[] = []
    while (got.length < 120) {
      const { messages } = await cid.call('message.inbox', { wait: 20 })
      if (messages.length === 0) break
      got.push(...messages.map(({ payload }) => String(payload)))
    }
    await Promise.all(sent)
    for (const name of Object.keys(senders))
      expect(got.filter((text) => text.startsWith(name))).toEqual(Array.from({ length: 40 }, (_, i) => `${name} ${i}`))
    expect(got).toHaveLength(120)
  })

  test('all reaches everybody on both, and an answer comes back in its thread', async () => {
    const { recipients } = await bob.call('message.send', { to: 'all', message: 'who is there?' })
    expect(recipients.map(({ name }) => name).sort()).toEqual(['ann', 'cid', 'dan'])
    for (const agent of [ann, cid, dan]) {
      const { messages } = await agent.call('message.inbox', {})
      expect(messages).toMatchObject([{ payload: 'who is there?' }])
      await agent.call('message.send', { to: 'bob', message: 'me', replyTo: messages[0]?.id ?? '' })
    }
    const { messages } = await bob.call('message.inbox', {})
    expect(messages.map(({ from }) => from.name)).toEqual(['ann', 'cid', 'dan'])
  })

  test('state is one: what one has written the other reads, and only one wins a compare-and-set', async () => {
    const { entry } = await ann.call('state.set', { key: 'plan', value: 'a' })
    expect((await dan.call('state.get', { key: 'plan' })).entry).toEqual(entry)
    for (let round = 0; round < 5; round++) {
      const { version } = (await cid.call('state.get', { key: 'plan' })).entry
      const tries = await Promise.allSettled(
        [ann, bob, cid, dan].map((agent, i) =>
          agent.call('state.set', { key: 'plan', value: `${round}.${i}`, ifVersion: version }),
        ),
      )
      const won = tries.flatMap((tried, i) => (tried.status === 'fulfilled' ? [`${round}.${i}`] : []))
      expect(won).toHaveLength(1)
      for (const tried of tries) if (tried.status === 'rejected') expect(tried.reason).toMatchObject({ code: 'version_conflict' })
      for (const agent of [ann, dan]) expect((await agent.call('state.get', { key: 'plan' })).entry.value).toBe(won[0])
    }
  })

  test('one file has one lock in both clones, and each is shown its own path', async () => {
    const [one, other] = hosts
    await ann.call('lock.acquire', { filePath: 'src/api.ts', reason: 'a new field' })
    const refused = await dan
      .call('lock.acquire', { filePath: join(other.project, 'src/api.ts') })
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'locked',
      facts: { conflicts: [{ filePath: join(other.project, 'src/api.ts'), holder: { name: 'ann' }, reason: 'a new field' }] },
    })
    expect((refused as Error).message).toContain('ann')
    expect((refused as Error).message).not.toContain(one.project)
    expect((await cid.call('lock.query', {})).locks).toMatchObject([
      { filePath: join(other.project, 'src/api.ts'), lockedBy: { name: 'ann' } },
    ])
    expect((await bob.call('lock.query', {})).locks).toMatchObject([{ filePath: join(one.project, 'src/api.ts') }])
    // What covers it stands in its way as well.
    await expect(cid.call('lock.acquire', { filePath: 'src' })).rejects.toMatchObject({ code: 'locked' })

    const waiting = dan.call('lock.acquire', { filePath: 'src/api.ts', wait: 60 })
    await eventually(() => isInLine(one, 'dan'))
    const givenAt = performance.now()
    await ann.call('lock.release', { filePath: 'src/api.ts' })
    expect((await waiting).lock).toMatchObject({ filePath: join(other.project, 'src/api.ts'), lockedBy: { name: 'dan' } })
    expect(performance.now() - givenAt).toBeLessThan(2_000)
    await dan.call('lock.release', { filePath: 'src/api.ts' })
  })

  test('a file outside of any repository is one of its machine', async () => {
    const [one, other] = hosts
    await ann.call('lock.acquire', { filePath: '/etc/hosts' })
    await cid.call('lock.acquire', { filePath: '/etc/hosts' })
    await expect(bob.call('lock.acquire', { filePath: '/etc/hosts' })).rejects.toMatchObject({ code: 'locked' })
    const shown = (await ann.call('lock.query', {})).locks.map(({ filePath }) => filePath).sort()
    expect(shown).toEqual(['/etc/hosts', `${other.name}:/etc/hosts`])
    expect((await cid.call('lock.query', {})).locks.map(({ filePath }) => filePath)).toContain(`${one.name}:/etc/hosts`)
    for (const agent of [ann, cid]) await agent.call('lock.release', { filePath: '/etc/hosts' })
  })

  test('events of the other machine are told to who has subscribed, and a call that waits for one is answered', async () => {
    await cid.call('event.subscribe', { types: ['x_built'] })
    await notice(cid)
    const waiting = cid.call('event.read', { wait: 60 })
    await ann.call('event.emit', { types: ['x_built'], payload: { ok: true } })
    expect((await waiting).events).toMatchObject([{ type: 'x_built', payload: { ok: true }, emittedBy: { name: 'ann' } }])
    await ann.call('event.emit', { types: ['x_built'] })
    await eventually(async () => String(await notice(cid)).includes('x_built') || undefined)
    await cid.call('event.unsubscribe', {})
  })

  test('who leaves is gone for the other machine at once, and so is who is killed beside others that live', async () => {
    const [one] = hosts
    const seen = async (name: string) => (await cid.call('peer.list', {})).peers.find((peer) => peer.name === name)?.status
    const left = async (name: string) => {
      const { events } = await cid.call('event.read', { types: ['peer_left'], limit: 100 })
      return events.findLast((event) => (event.payload as { name?: string }).name === name)?.payload
    }
    const figures: Record<string, number> = {}
    for (const how of ['left', 'crashed'] as const) {
      const eve = await one.agent(`eve-${how}`)
      await eventually(async () => (await seen(`eve-${how}`)) === 'active')
      await eve.call('lock.acquire', { filePath: 'src/eve.ts' })
      await expect(cid.call('lock.acquire', { filePath: 'src/eve.ts' })).rejects.toMatchObject({ code: 'locked' })
      const waiting = cid.call('lock.acquire', { filePath: 'src/eve.ts', wait: 60 })
      await eventually(() => isInLine(one, 'cid'))
      const at = performance.now()
      if (how === 'crashed') await eve.kill()
      else await eve[Symbol.asyncDispose]()
      expect((await waiting).lock).toMatchObject({ lockedBy: { name: 'cid' } })
      figures[how] = Math.round(performance.now() - at)
      await cid.call('lock.release', { filePath: 'src/eve.ts' })
      expect(await left(`eve-${how}`)).toMatchObject({ reason: how })
      expect(await seen(`eve-${how}`)).toBe('away')
      expect(figures[how]).toBeLessThan(5_000)
    }
    console.info(`seen leaving from another machine, ms: ${JSON.stringify(figures)}`)
  })

  test('a machine of which nobody is left is given up within half a minute, and its locks with it', async () => {
    const eves = [await hosts[1].agent('eve-1'), await hosts[1].agent('eve-2')]
    await eves[0]?.call('lock.acquire', { filePath: 'src/all.ts' })
    const waiting = ann.call('lock.acquire', { filePath: 'src/all.ts', wait: 120 })
    await eventually(() => isInLine(hosts[0], 'ann'))
    const killedAt = performance.now()
    await Promise.all([cid, dan, ...eves].map((agent) => agent.kill()))
    expect((await waiting).lock).toMatchObject({ lockedBy: { name: 'ann' } })
    console.info(`lock of a machine that is gone: ${Math.round(performance.now() - killedAt)} ms`)
    expect(performance.now() - killedAt).toBeLessThan(60_000)
    const { events } = await bob.call('event.read', { types: ['peer_left'], limit: 100 })
    const reasons = events.slice(-4).map(({ payload }) => [payload.name, payload.reason])
    expect(reasons.sort()).toEqual(['cid', 'dan', 'eve-1', 'eve-2'].map((name) => [name, 'expired']))
    expect((await bob.call('mesh.status', {})).peers).toMatchObject({ active: 2, stale: 0 })
  })
})
