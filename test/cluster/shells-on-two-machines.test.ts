import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { leaderRow } from '../support/mesh-file.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'
import { createHosts, type SceneHost } from '../support/scene.ts'
import { documentOf } from '../support/shell.ts'

/** What a machine's leader says over HTTP. */
async function ask(
  host: SceneHost,
  path: string,
  body?: object,
): Promise<{ status: number; body: Record<string, unknown>; outage: string | null }> {
  const { port } = leaderRow(host.dir)
  const token = readFileSync(join(host.dir, 'leader.token'), 'utf8').trim()
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers,
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
  })
  return {
    status: answer.status,
    body: (await answer.json()) as Record<string, unknown>,
    outage: answer.headers.get('slm-mesh-outage'),
  }
}

describe.skipIf(!natsServer)(`shells, scripts and dashboards of two machines${needsNats}`, () => {
  const nats = sharedNats()
  let hosts: [SceneHost, SceneHost]
  let ann: Agent
  let bob: Agent
  const json = async (host: SceneHost, ...args: string[]) => documentOf(await host.run([...args, '--json']))

  beforeAll(async () => {
    hosts = createHosts(2, ownMesh(nats())) as typeof hosts // as many as asked for
    ann = await hosts[0].agent('ann')
    bob = await hosts[1].agent('bob')
  })
  afterAll(async () => {
    for (const agent of [ann, bob]) await agent?.[Symbol.asyncDispose]()
  })

  test('each machine’s own leader answers, and its commands show the whole mesh', async () => {
    for (const [host, name] of [
      [hosts[0], 'ann'],
      [hosts[1], 'bob'],
    ] as const) {
      await eventually(() => leaderRow(host.dir).port !== null)
      const status = await json(host, 'status')
      expect(status).toMatchObject({ ok: true, via: 'leader', leader: { name }, peers: { active: 2 } })
      expect(status).not.toHaveProperty('outage')
      expect((await host.run(['status'])).out).toMatch(new RegExp(`\t${host.name}$`, 'm'))
      const { peers } = await json(host, 'peers')
      expect(peers.map((peer: { name: string; host: string }) => [peer.name, peer.host]).sort()).toEqual([
        ['ann', 'host-1'],
        ['bob', 'host-2'],
      ])
      expect((await host.run(['peers'])).out).toMatch(/host-1[\s\S]*host-2|host-2[\s\S]*host-1/)
      expect((await host.run(['watch', '--once', '--size', '120x40'])).out).toMatch(/ann[\s\S]*bob|bob[\s\S]*ann/)
      const doctor = await host.run(['doctor', '--json'])
      expect(documentOf(doctor).findings ?? documentOf(doctor).checks).toBeDefined()
      expect(doctor.out).toContain('nats-server')
      const clean = await json(host, 'clean', '--dry-run')
      expect(clean).toMatchObject({ ok: true, dryRun: true, done: [] })
      expect((await host.run(['logs'])).out).toContain('elected')
    }
  })

  test('mail, state, locks and events cross from a shell to a session elsewhere, and back', async () => {
    const [one, other] = hosts
    const waiting = bob.call('message.inbox', { wait: 60 })
    const { messageId } = await json(one, 'send', 'bob', 'are you there?')
    expect((await waiting).messages).toMatchObject([{ payload: 'are you there?', from: { name: 'cli' } }])
    await bob.call('message.send', { to: 'cli', message: 'yes', replyTo: messageId })
    // A person is one on every machine.
    expect((await json(other, 'inbox', '--filter', 'all')).messages.map(({ payload }: { payload: string }) => payload)).toContain(
      'yes',
    )

    const set = await json(one, 'state', 'set', 'k', 'v')
    expect(await json(other, 'state', 'get', 'k')).toMatchObject({ entry: { value: 'v', version: set.entry.version } })
    expect((await other.run(['state', 'set', 'k', 'w', '--if-version', '1'])).code).toBe(1)

    expect((await one.run(['lock', 'acquire', 'src/x.ts', '--reason', 'by hand'])).code).toBe(0)
    const refused = await other.run(['lock', 'acquire', 'src/x.ts'])
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(join(other.project, 'src/x.ts')) })
    expect((await json(other, 'lock', 'list')).locks).toMatchObject([{ filePath: join(other.project, 'src/x.ts') }])
    await expect(bob.call('lock.acquire', { filePath: 'src/x.ts' })).rejects.toMatchObject({ code: 'locked' })
    expect((await one.run(['lock', 'release', 'src/x.ts'])).code).toBe(0)

    await ann.call('event.emit', { types: ['x_built'], payload: { n: 1 } })
    expect((await other.run(['events', '--json'])).out).toContain('x_built')
  })

  test('a script registers at one leader, and is heard by sessions of both machines; the dashboard shows everybody', async () => {
    const [one, other] = hosts
    const { body } = await ask(one, '/register', { pid: process.pid, name: 'robot', projectPath: one.project })
    expect(body).toMatchObject({ ok: true })
    const { peerId } = body
    const waiting = bob.call('message.inbox', { wait: 60 })
    expect((await ask(one, '/send', { fromPeer: peerId, toPeer: 'bob', payload: 'built' })).body).toMatchObject({ ok: true })
    expect((await waiting).messages).toMatchObject([{ from: { name: 'robot' }, payload: 'built' }])
    await bob.call('lock.acquire', { filePath: 'src/y.ts' })
    for (const host of [one, other]) {
      const overview = (await ask(host, '/dashboard/overview')).body as {
        peers: { name: string; host?: string }[]
        locks: { filePath: string }[]
      }
      expect(overview.peers.map(({ name }) => name)).toEqual(expect.arrayContaining(['ann', 'bob', 'robot']))
      expect(overview.peers.find(({ name }) => name === 'bob')?.host).toBe('host-2')
      expect(overview.locks).toMatchObject([{ filePath: join(host.project, 'src/y.ts'), holder: { name: 'bob' } }])
      expect(overview).not.toHaveProperty('outage')
    }
    await ask(one, '/unregister', { peerId })
    await bob.call('lock.release', { filePath: 'src/y.ts' })
  })

  test('with no session open here a command goes through the copy; a peer without an agent serves it again', async () => {
    const { SLM_MESH_URL = '', SLM_MESH_MESH = '' } = hosts[0].env
    const [third] = createHosts(1, { SLM_MESH_URL, SLM_MESH_MESH, SLM_MESH_HOST_NAME: 'host-3' })
    if (!third) throw new Error('one was asked for')
    const sent = await third.run(['start', '--detach', '--json'])
    expect(documentOf(sent)).toMatchObject({ ok: true })
    try {
      await eventually(async () => (await ann.call('peer.list', {})).peers.length >= 2)
      expect(await json(third, 'status')).toMatchObject({ via: 'leader', peers: { active: 3 } })
    } finally {
      expect((await third.run(['stop'])).code).toBe(0)
    }
    expect(await json(third, 'send', 'ann', 'from the copy')).toMatchObject({ ok: true, via: 'file' })
    expect((await ann.call('message.inbox', {})).messages.map(({ payload }) => payload)).toContain('from the copy')
    expect(await json(third, 'status')).toMatchObject({ via: 'file', leader: null, peers: { active: 2 } })
  })
})

test.skipIf(!natsServer)(
  `with the server away every way in says one clear line and shows what is known; a leader that is killed is replaced${needsNats}`,
  async () => {
    await using nats = await startNats()
    const [one, empty] = createHosts(2, ownMesh(nats)) as [SceneHost, SceneHost]
    await using ann = await one.agent('ann')
    await using bob = await one.agent('bob')
    await ann.call('state.set', { key: 'k', value: 'known' })
    await empty.run(['start', '--detach'])
    await empty.run(['stop'])
    await eventually(() => leaderRow(one.dir).port !== null)
    await nats.servers[0].kill()
    const isTold = /The mesh's server nats:\/\/\S+ cannot be reached since .* nothing can be changed\./
    const lines = (text: string) => text.trim().split('\n')

    // Through the leader.
    const got = await one.run(['state', 'get', 'k'])
    expect({ code: got.code, out: got.out }).toEqual({ code: 0, out: expect.stringContaining('known') })
    expect(got.err).toMatch(isTold)
    expect(lines(got.err)).toHaveLength(1)
    expect(documentOf(await one.run(['status', '--json']))).toMatchObject({
      via: 'leader',
      outage: expect.stringMatching(isTold),
    })
    expect((await one.run(['watch', '--once', '--size', '160x40'])).out).toMatch(
      /The mesh's server nats:\/\/\S+ cannot be reached/,
    )
    const overview = await ask(one, '/dashboard/overview')
    expect(overview).toMatchObject({ status: 200, body: { outage: expect.stringMatching(isTold) } })
    const refused = await one.run(['state', 'set', 'k', 'x'])
    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^slm-mesh: .*cannot be reached/) })
    expect(lines(refused.err)).toHaveLength(1)

    // The leader is killed meanwhile: elections are each machine's own.
    const leading = leaderRow(one.dir).pid === ann.pid ? ann : bob
    const following = leading === ann ? bob : ann
    const killedAt = performance.now()
    await leading.kill()
    await eventually(() => leaderRow(one.dir).pid === following.pid && leaderRow(one.dir).port !== null, { within: 20_000 })
    console.info(`led again, with the server away, after ${Math.round(performance.now() - killedAt)} ms`)
    const again = await eventually(async () => {
      const status = documentOf(await one.run(['status', '--json']))
      return status.via === 'leader' && status
    })
    expect(again).toMatchObject({ leader: { pid: following.pid }, outage: expect.any(String) })

    // With no session, through the copy.
    const through = await empty.run(['state', 'get', 'k'])
    expect({ code: through.code, out: through.out }).toEqual({ code: 0, out: expect.stringContaining('known') })
    expect(through.err).toMatch(/cannot be reached/)
    const shown = await empty.run(['status'])
    expect(shown.out).toContain('ann')

    await nats.servers[0].start()
    await eventually(async () => (await one.run(['state', 'set', 'k', 'back'])).code === 0, { within: 30_000 })
    await eventually(async () => (await one.run(['state', 'get', 'k'])).err === '', { within: 5_000 })
    // Who was killed while nobody could be told is gone for the others now.
    await eventually(
      async () =>
        documentOf(await empty.run(['peers', '--all', '--json'])).peers.filter(
          ({ status }: { status: string }) => status === 'active',
        ).length === 1,
    )
  },
)
