import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { ownMesh } from '../support/nats-mesh.ts'
import { createRepository } from '../support/repository.ts'
import { twoHosts } from '../support/two-hosts.ts'

const hosts = natsServer ? twoHosts() : { refused: 'no server' }
const needsHosts = 'refused' in hosts ? ' (skipped: no network namespaces can be made here)' : ''

test.skipIf('refused' in hosts)(
  `real sessions on two hosts message, share, lock, see each other leave, and come back after the wire was cut${needsNats || needsHosts}`,
  async () => {
    if ('refused' in hosts) return
    await using two = hosts
    await using nats = await startNats({ host: two.a.address, via: two.a.via })
    const mesh = ownMesh(nats)
    const start = (host: typeof two.a, name: string, remote: string) =>
      Agent.start({
        cwd: createRepository(remote),
        command: [...host.via, process.execPath],
        env: { ...mesh, SLM_MESH_NAME: name, SLM_MESH_HOST_NAME: `host-of-${name}` },
      })
    await using ann = await start(two.a, 'ann', 'git@example.org:team/project.git')
    await using bob = await start(two.b, 'bob', 'https://example.org/team/project')

    expect((await ann.call('peer.list', {})).peers).toMatchObject([{ name: 'bob', host: 'host-of-bob', status: 'active' }])
    const waiting = bob.call('message.inbox', { wait: 60 })
    await ann.call('message.send', { to: 'bob', message: 'hello from the other host' })
    expect((await waiting).messages).toMatchObject([{ payload: 'hello from the other host', from: { name: 'ann' } }])
    await bob.call('state.set', { key: 'port', value: '8080' })
    expect((await ann.call('state.get', { key: 'port' })).entry).toMatchObject({ value: '8080', updatedBy: { name: 'bob' } })
    await bob.call('lock.acquire', { filePath: 'src/main.ts' })
    await expect(ann.call('lock.acquire', { filePath: 'src/main.ts' })).rejects.toMatchObject({ code: 'locked' })

    // The wire is cut: bob's host is on its own, and ann's goes on.
    const cutAt = performance.now()
    two.cut()
    const got = ann.call('lock.acquire', { filePath: 'src/main.ts', wait: 150 })
    await eventually(async () => (await bob.text('mesh_peers')).includes('cannot be reached'), { every: 250 })
    const toldMs = Math.round(performance.now() - cutAt)
    expect((await bob.call('state.get', { key: 'port' })).entry.value).toBe('8080')
    await expect(bob.call('state.set', { key: 'port', value: '1' })).rejects.toMatchObject({ code: 'unreachable' })
    expect((await got).lock).toBeDefined()
    const takenMs = Math.round(performance.now() - cutAt)
    expect(await bob.text('mesh_peers')).toMatch(/Count your locks as lost/)
    await ann.call('message.send', { to: 'bob', message: 'you were away' })

    const mendedAt = performance.now()
    two.mend()
    expect((await bob.call('message.inbox', { wait: 120 })).messages).toMatchObject([
      { payload: 'you were away', to: { name: 'bob' } },
    ])
    const backMs = Math.round(performance.now() - mendedAt)
    await eventually(async () => (await ann.call('peer.list', {})).peers[0]?.status === 'active')
    await bob.call('state.set', { key: 'port', value: '9090' })
    expect((await ann.call('state.get', { key: 'port' })).entry.value).toBe('9090')

    const leftAt = performance.now()
    await bob[Symbol.asyncDispose]()
    await eventually(async () => (await ann.call('peer.list', {})).peers[0]?.status === 'away')
    console.info(
      `two hosts: told of the cut after ${toldMs} ms, its lock taken over after ${takenMs} ms, back ${backMs} ms after the wire was mended, seen leaving within ${Math.round(performance.now() - leftAt)} ms`,
    )
  },
)
