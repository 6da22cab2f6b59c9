import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/core/config.ts'
import { connectMesh } from '../../src/core/nats/connect.ts'
import { natsFailure } from '../../src/core/nats/failure.ts'
import { initStream } from '../../src/core/nats/init.ts'
import { streamConfig } from '../../src/core/nats/server.ts'
import { natsSettings } from '../../src/core/nats/settings.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'
import { run } from '../support/run.ts'

const settingsFor = (url: string, more: Record<string, string> = {}) => {
  const settings = natsSettings(readConfig({ SLM_MESH_URL: url, ...more }))
  if (!settings) throw new Error('no url')
  return settings
}
const NOTHING = { replicas: undefined, maxBytes: undefined }

describe.skipIf(!natsServer)(`a connection to a server that is there${needsNats}`, () => {
  test('makes the stream where it is missing, and reads back what it needs; many at once find the same', async () => {
    await using nats = await startNats()
    const all = await Promise.all(Array.from({ length: 8 }, () => connectMesh(settingsFor(nats.url))))
    for (const { stream } of all)
      expect(stream.config).toMatchObject({ name: 'SLM_MESH_default', allow_msg_ttl: true, allow_atomic: true, num_replicas: 1 })
    await Promise.all(all.map((each) => each[Symbol.asyncDispose]()))
  })

  test('in a cluster of three the stream has three copies', async () => {
    await using nats = await startNats({ nodes: 3 })
    await using connection = await connectMesh(settingsFor(nats.url))
    expect(connection.stream.config.num_replicas).toBe(3)
    expect((await nats.leaderOf('SLM_MESH_default')).running).toBe(true)
  })

  test('a stream of another shape is refused with what is wrong; init sets right what can be, and leaves the rest as it was', async () => {
    await using nats = await startNats()
    const nc = await connect({ servers: nats.url })
    const jsm = await jetstreamManager(nc)
    const odd = { ...streamConfig('default', { replicas: 1 }), max_age: 60_000_000_000, allow_atomic: false, description: 'mine' }
    await jsm.streams.add(odd)
    await expect(connectMesh(settingsFor(nats.url))).rejects.toMatchObject({
      code: 'server_unfit',
      message: expect.stringMatching(/max_age is 60000000000, allow_atomic is (false|not kept)/),
    })
    expect((await initStream(settingsFor(nats.url), NOTHING)).info.config).toMatchObject({ max_age: 0, description: 'mine' })
    await using _connection = await connectMesh(settingsFor(nats.url))
    // What can never be changed.
    await jsm.streams.add({ ...streamConfig('other', { replicas: 1 }), retention: 'workqueue' })
    await expect(initStream(settingsFor(nats.url, { SLM_MESH_MESH: 'other' }), NOTHING)).rejects.toMatchObject({
      code: 'server_unfit',
    })
    await nc.close()
  })

  test('room that a stream asks for is reserved at once: where there is too little, that is what is said', async () => {
    await using nats = await startNats({ jetstream: 'max_file_store: 10000000' })
    const init = (mesh: string, bytes: number) =>
      run(['init', '--url', nats.url, '--mesh', mesh, '--max-bytes', String(bytes)], { HOME: testDir() })
    expect((await init('a', 8_000_000)).code).toBe(0)
    expect(await init('b', 8_000_000)).toMatchObject({ code: 1, err: expect.stringMatching(/insufficient storage.*--max-bytes/) })
    // Without a wish nothing is reserved.
    await using _b = await connectMesh(settingsFor(nats.url, { SLM_MESH_MESH: 'b' }))
  })

  test('what it is not permitted is said at once, with the subject, and is no reason to try again', async () => {
    const permissions = '{ publish: { deny: ["$JS.API.CONSUMER.>"] } }'
    await using nats = await startNats({
      config: `accounts { A { jetstream: enabled, users: [{ user: u, password: p, permissions: ${permissions} }] } }`,
    })
    const settings = settingsFor(nats.url, { SLM_MESH_USER: 'u', SLM_MESH_PASSWORD: 'p' })
    await using connection = await connectMesh(settings)
    const began = performance.now()
    const error = await connection.js.consumers
      .get(connection.names.stream)
      .catch((error) => natsFailure(error, settings, 'listen'))
    expect(error).toMatchObject({
      code: 'access_denied',
      message: expect.stringMatching(/does not let us publish to \$JS\.API\.CONSUMER\.CREATE/),
    })
    expect(performance.now() - began).toBeLessThan(5_000)
  })

  test('a server without JetStream, or one that holds it back from this account', async () => {
    await using nats = await startNats({ config: 'accounts { A { users: [{ user: u, password: p }] } }' })
    await expect(connectMesh(settingsFor(nats.url, { SLM_MESH_USER: 'u', SLM_MESH_PASSWORD: 'p' }))).rejects.toMatchObject({
      code: 'server_unfit',
      message: expect.stringContaining('no JetStream to this account'),
    })
  })

  test('it comes back by itself to a server that was killed, and notices one that hangs', async () => {
    await using nats = await startNats()
    await using connection = await connectMesh(settingsFor(nats.url))
    const seen: string[] = []
    void (async () => {
      for await (const { type } of connection.nc.status()) seen.push(type)
    })()
    const [server] = nats.servers
    await server.kill()
    await eventually(() => seen.includes('disconnect'))
    await server.start()
    await eventually(() => seen.includes('reconnect'))
    expect(await connection.js.publish(connection.names.log, 'x')).toMatchObject({ seq: 1 })
    seen.length = 0
    server.pause()
    await eventually(() => seen.includes('staleConnection'))
    server.resume()
    await eventually(() => seen.includes('reconnect'))
  })

  test('credentials stand in no command line, whatever they are', async () => {
    const { code, err } = await run(['init', '--url', 'nats://u:hush@127.0.0.1:1'], { HOME: testDir() })
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('SLM_MESH_CREDS') })
    expect(err).not.toContain('hush')
  })
})
