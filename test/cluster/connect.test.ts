import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/core/config.ts'
import { connectMesh } from '../../src/core/nats/connect.ts'
import { natsSettings } from '../../src/core/nats/settings.ts'
import { natsServer, needsNats, startNats } from '../support/nats.ts'

const settingsFor = (url: string, more: Record<string, string> = {}) => {
  const settings = natsSettings(readConfig({ HOME: '/', SLM_MESH_URL: url, ...more }))
  if (!settings) throw new Error('no url')
  return settings
}

describe.skipIf(!natsServer)(`a connection to a server that is there${needsNats}`, () => {
  test('makes the stream where it is missing, and reads back what it needs; the second finds it', async () => {
    await using nats = await startNats()
    await using first = await connectMesh(settingsFor(nats.url))
    await using second = await connectMesh(settingsFor(nats.url))
    for (const { stream } of [first, second])
      expect(stream.config).toMatchObject({ name: 'SLM_MESH_default', allow_msg_ttl: true, allow_atomic: true, num_replicas: 1 })
  })

  test('in a cluster of three the stream has three copies', async () => {
    await using nats = await startNats({ nodes: 3 })
    await using connection = await connectMesh(settingsFor(nats.url))
    expect(connection.stream.config.num_replicas).toBe(3)
    expect((await nats.leaderOf('SLM_MESH_default')).running).toBe(true)
  })
})
