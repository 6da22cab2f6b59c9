import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { fakeNats } from '../support/fake-nats.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh } from '../support/nats-mesh.ts'
import { createHosts } from '../support/scene.ts'
import { documentOf } from '../support/shell.ts'

/** Linux only. */
const openFiles = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)]
    } catch {
      return [] // closed meanwhile
    }
  })

describe.skipIf(!natsServer)(`where the server is not there, or not to be had${needsNats}`, () => {
  test('a session starts without it, says so once, and is there by itself when it comes', async () => {
    await using nats = await startNats()
    const [host, other] = createHosts(2, ownMesh(nats))
    if (!host || !other) throw new Error('two were asked for')
    await nats.servers[0].kill()
    await using agent = await host.connect('ann')
    await eventually(() => agent.stderr !== '')
    expect((await agent.client.listTools()).tools.length).toBeGreaterThan(5)
    for (let i = 0; i < 2; i++) await expect(agent.call('peer.list', {})).rejects.toMatchObject({ code: 'unreachable' })
    expect(await agent.text('mesh_peers')).toContain(nats.url)
    await nats.servers[0].start()
    // Nobody asks it to: another machine sees it come.
    await using watcher = await other.agent('bob')
    await eventually(async () => (await watcher.call('peer.list', {})).peers.some(({ name }) => name === 'ann'), {
      within: 20_000,
    })
    expect(agent.stderr.trim().split('\n')).toHaveLength(1)
    expect(agent.stderr).toMatch(/^slm-mesh: .*cannot be reached/)
  })

  test('who is refused is told so plainly, and the server is not asked again and again', async () => {
    const config = `authorization { users: [
      { user: ann, password: right }
      { user: half, password: right, permissions: { publish: ["$JS.API.INFO", "$JS.API.STREAM.INFO.>"], subscribe: [">"] } }
    ] }`
    await using nats = await startNats({ config })
    const [host] = createHosts(1, ownMesh(nats))
    if (!host) throw new Error('one was asked for')
    const as = (user: string, password: string) => ({ SLM_MESH_USER: user, SLM_MESH_PASSWORD: password })
    for (const [name, env, why] of [
      ['wrong', as('ann', 'wrong'), /slm-mesh: .*(let|access|allow|denied|refus)/i],
      ['half', as('half', 'right'), /slm-mesh: .*(publish|subscribe|access|allow)/i],
    ] as const) {
      await using agent = await host.connect(name, { env })
      await eventually(() => agent.stderr !== '')
      expect(agent.stderr).toMatch(why)
      expect(agent.stderr).not.toContain('right')
      await expect(agent.call('peer.list', {})).rejects.toMatchObject({ code: 'access_denied' })
      const before = nats.servers[0].log.split('\n').length
      const since = performance.now()
      await eventually(() => performance.now() - since > 5_000)
      expect(nats.servers[0].log.split('\n').length - before).toBeLessThan(6)
      expect(agent.stderr.trim().split('\n').length).toBeLessThan(3)
    }
    // An old one takes flags that it does not know, and drops them.
    await using old = await fakeNats({ version: '2.10.27' })
    await using agent = await host.connect('late', { env: { SLM_MESH_URL: old.url } })
    await eventually(() => agent.stderr !== '')
    expect(agent.stderr).toMatch(/^slm-mesh: .*2\.10\.27.*2\.12/)
    await expect(agent.call('peer.list', {})).rejects.toMatchObject({ code: 'server_unfit' })
    // With the right one it is in; a mesh that nobody has made yet is made.
    await using ann = await host.agent('ann', { env: { ...as('ann', 'right'), SLM_MESH_MESH: 'nobody-knows-it' } })
    expect(await ann.name()).toBe('ann')
    const bad = await host.run(['status', '--json'])
    expect({ code: bad.code, ...documentOf(bad) }).toMatchObject({ ok: false })
  })

  test('the embedded mesh beside it is another one, and neither knows of the other', async () => {
    await using nats = await startNats()
    const [host] = createHosts(1, ownMesh(nats))
    if (!host) throw new Error('one was asked for')
    const { SLM_MESH_URL: _url, SLM_MESH_MESH: _mesh, ...embedded } = host.env
    await using alone = await Agent.start({ dir: host.dataDir, env: { ...embedded, SLM_MESH_NAME: 'alone' } })
    await using shared = await host.agent('shared')
    await alone.call('state.set', { key: 'k', value: 'embedded' })
    await shared.call('state.set', { key: 'k', value: 'shared' })
    for (const [agent, value] of [
      [alone, 'embedded'],
      [shared, 'shared'],
    ] as const) {
      expect((await agent.call('state.get', { key: 'k' })).entry.value).toBe(value)
      expect((await agent.call('peer.list', {})).peers).toEqual([])
    }
    // What it shows has no word of machines.
    expect((await alone.call('peer.list', {})).self).not.toHaveProperty('host')
    const opened = openFiles(alone.pid)
    expect(opened.filter((path) => path.startsWith(host.dir))).toEqual([])
    expect(opened.some((path) => path === join(host.dataDir, 'mesh.db'))).toBe(true)
    await nats.servers[0].kill()
    await alone.call('state.set', { key: 'k', value: 'goes on' })
  })
})
