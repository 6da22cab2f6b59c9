import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/core/config.ts'
import { initStream } from '../../src/core/nats/init.ts'
import { natsSettings } from '../../src/core/nats/settings.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { run } from '../support/run.ts'

/** What doctor says of the servers of a mesh: by a check's second name. */
async function doctor(url: string, env: Record<string, string> = {}) {
  const { code, out, err } = await run(['doctor', '--json'], {
    ...{ HOME: testDir(), SLM_MESH_DATA_DIR: dataDir(), SLM_MESH_PORT: '0', SLM_MESH_URL: url },
    ...env,
  })
  expect(err).toBe('')
  const { findings } = JSON.parse(out) as { findings: { check: string; status: string; found: string; fix?: string }[] }
  return {
    code,
    of: Object.fromEntries(
      findings
        .filter(({ check }) => check.startsWith('nats'))
        .map(({ check, ...finding }) => [check.replace('nats: ', ''), finding]),
    ),
  }
}
const init = (url: string, replicas: number) => {
  const settings = natsSettings(readConfig({ SLM_MESH_URL: url }))
  return settings && initStream(settings, { replicas, maxBytes: undefined })
}

describe.skipIf(!natsServer)(`doctor, of the servers of a mesh${needsNats}`, () => {
  test('one that is as it should be; looking makes no stream', async () => {
    await using nats = await startNats()
    const SLM_MESH_MONITOR = `http://127.0.0.1:${nats.servers[0].monitorPort}`
    for (const _ of [1, 2])
      expect((await doctor(nats.url, { SLM_MESH_MONITOR })).of).toEqual({
        servers: { status: 'ok', found: expect.stringMatching(/answers, nats-server 2\.\d+\.\d+/) },
        encryption: { status: 'ok', found: 'not encrypted, and on this machine only' },
        stream: { status: 'warn', found: 'there is no SLM_MESH_default yet', fix: expect.stringContaining('slm-mesh init') },
        durability: { status: 'ok', found: expect.stringContaining('on the disk') },
      })
    await init(nats.url, 1)
    expect((await doctor(nats.url, { SLM_MESH_MONITOR })).of).toMatchObject({
      stream: { status: 'ok', found: expect.stringMatching(/every flag is as it must be, one copy/) },
      latency: {
        status: 'ok',
        found: expect.stringMatching(
          /^[\d.]+ ms to the server and back, [\d.]+ ms to the leader of the stream \(medians of \d+\)$/,
        ),
      },
    })
  })

  test('whether acknowledged is on the disk: said where it is not, and unknown where nobody tells', async () => {
    await using nats = await startNats({ sync: 'lazy' })
    const [server] = nats.servers
    const durability = async (SLM_MESH_MONITOR: string) => (await doctor(nats.url, { SLM_MESH_MONITOR })).of.durability
    expect(await durability(`http://127.0.0.1:${server.monitorPort}`)).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('every 2 min'),
      fix: expect.stringContaining('sync_interval: always'),
    })
    expect(await durability('http://127.0.0.1:1')).toMatchObject({
      status: 'unknown',
      found: expect.stringContaining('not known'),
    })
    // Somebody else's word does not count.
    await using other = await startNats()
    expect(await durability(`http://127.0.0.1:${other.servers[0].monitorPort}`)).toMatchObject({ status: 'unknown' })
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    expect(await durability(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)).toMatchObject({ status: 'unknown' })
    silent.closeAllConnections()
    await new Promise((resolve) => silent.close(resolve))
  })

  test('three, of which one is away; and one copy where there could be three', async () => {
    await using nats = await startNats({ nodes: 3 })
    await init(nats.url, 1)
    expect((await doctor(nats.url)).of).toMatchObject({
      servers: { status: 'ok', found: expect.stringContaining('all 3 answer') },
      stream: { status: 'warn', found: expect.stringContaining('one copy'), fix: 'slm-mesh init --replicas 3' },
    })
    await init(nats.url, 3)
    await eventually(async () => (await doctor(nats.url)).of.stream?.status === 'ok')
    const leader = await nats.leaderOf('SLM_MESH_default')
    const other = nats.servers.find((server) => server !== leader)
    await other?.kill()
    await eventually(async () => {
      const { code, of } = await doctor(nats.url)
      expect(of).toMatchObject({
        servers: { status: 'warn', found: expect.stringMatching(/connection refused; 2 of 3 answer/) },
        stream: { status: 'warn', found: expect.stringContaining(`not up to date: ${other?.name}`) },
      })
      expect(code).toBe(0)
      return true
    })
  })

  test('nobody there, and one that does not let us in', async () => {
    const { code, of } = await doctor('nats://127.0.0.1:1')
    expect({ code, of }).toMatchObject({
      code: 1,
      of: { servers: { status: 'fail', found: expect.stringContaining('connection refused') } },
    })
    await using nats = await startNats({ config: 'authorization { token: secret }' })
    expect((await doctor(nats.url, { SLM_MESH_TOKEN: 'guess' })).of).toEqual({
      servers: {
        status: 'fail',
        found: expect.stringContaining('does not let us in'),
        fix: expect.stringContaining('slm-mesh init'),
      },
    })
    expect((await doctor(nats.url, { SLM_MESH_TOKEN: 'secret' })).of.servers).toMatchObject({ status: 'ok' })
  })
})
