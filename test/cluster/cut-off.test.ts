import { describe, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'
import { createRepository } from '../support/repository.ts'
import { wireTo } from '../support/wire.ts'

/** Real agents, over real time: what half a minute of silence means. */
describe.skipIf(!natsServer)(`agents on several machines${needsNats}`, () => {
  const nats = sharedNats()

  test('a process that is killed is noticed by its own machine at once, and by all', async () => {
    const env = ownMesh(nats())
    const cwd = createRepository('https://example.org/team/project')
    const dir = dataDir()
    await using here = await Agent.start({ cwd, dir, env: { ...env, SLM_MESH_NAME: 'here' } })
    await using victim = await Agent.start({ cwd, dir, env: { ...env, SLM_MESH_NAME: 'victim' } })
    await using there = await Agent.start({ cwd, env: { ...env, SLM_MESH_NAME: 'there' } })
    await victim.call('lock.acquire', { filePath: `${cwd}/x` })
    const waiting = there.call('lock.acquire', { filePath: `${cwd}/x`, wait: 60 })
    await eventually(async () => (await here.call('lock.query', {})).locks.length === 1)
    const killedAt = performance.now()
    victim.child.kill('SIGKILL')
    expect((await waiting).lock).toBeDefined()
    console.info(`lock of a killed process, on another machine: ${Math.round(performance.now() - killedAt)} ms`)
  })

  test('a machine that is cut off loses its locks after half a minute, says so, and comes back as who it was', async () => {
    await using wire = await wireTo(nats().url)
    const env = ownMesh(nats())
    const cwd = createRepository('https://example.org/team/project')
    await using cut = await Agent.start({ cwd, env: { ...env, SLM_MESH_URL: wire.url, SLM_MESH_NAME: 'cut' } })
    await using other = await Agent.start({ cwd, env: { ...env, SLM_MESH_NAME: 'other' } })
    await cut.call('lock.acquire', { filePath: `${cwd}/x` })
    const { peers } = await other.call('peer.list', {})
    expect(peers).toMatchObject([{ name: 'cut', status: 'active' }])
    const cutAt = performance.now()
    wire.cut()
    await eventually(async () => (await cut.text('mesh_peers')).includes('cannot be reached'))
    expect(await cut.text('mesh_lock', { action: 'acquire', filePath: `${cwd}/y` })).toMatch(/cannot be reached/)
    const { lock } = await other.call('lock.acquire', { filePath: `${cwd}/x`, wait: 120 })
    const tookMs = Math.round(performance.now() - cutAt)
    expect(lock).toBeDefined()
    // It knew before anybody else had it.
    expect(await cut.text('mesh_peers')).toMatch(/Count your locks as lost/)
    await other.call('message.send', { to: 'cut', message: 'I have it now' })
    const healedAt = performance.now()
    wire.heal()
    const { messages } = await cut.call('message.inbox', { wait: 60 })
    console.info(
      `cut off: lock taken over after ${tookMs} ms; back with name and mail after ${Math.round(performance.now() - healedAt)} ms`,
    )
    expect(messages).toMatchObject([{ payload: 'I have it now', to: { name: 'cut' } }])
    await eventually(async () => (await other.call('peer.list', {})).peers[0]?.status === 'active')
    expect(await cut.text('mesh_peers')).not.toMatch(/cannot be reached/)
    expect(tookMs).toBeGreaterThan(20_000)
  })
})
