import { expect, test } from 'vitest'
import { readConfig } from '../../../src/core/config.ts'
import { connectMesh } from '../../../src/core/nats/connect.ts'
import { streamConfig } from '../../../src/core/nats/server.ts'
import { natsSettings } from '../../../src/core/nats/settings.ts'
import { type FakeNats, fakeNats } from '../../support/fake-nats.ts'

/**
 * nats-server 2.9.10 and 2.10.27 were seen to take the flags of newer ones, and to drop them without a word. Where they were
 * not refused, a lock would never run out.
 */

const connectTo = async ({ url }: Pick<FakeNats, 'url'>) => {
  const settings = natsSettings(readConfig({ SLM_MESH_URL: url }))
  if (!settings) throw new Error('no url')
  return connectMesh(settings)
}

/** JetStream that keeps of a stream what `keeps` leaves of it. */
function jetStream(keeps: (config: Record<string, unknown>) => Record<string, unknown>, there?: Record<string, unknown>) {
  let config = there
  return (subject: string, body: Record<string, unknown>) => {
    if (subject.startsWith('$JS.API.STREAM.CREATE.')) {
      if (config)
        return { error: { code: 400, err_code: 10058, description: 'stream name already in use with a different configuration' } }
      config = keeps(body)
      // They repeat what they were asked for.
      return { config: body, state: {} }
    }
    return config ? { config, state: {} } : { error: { code: 404, err_code: 10059, description: 'stream not found' } }
  }
}
const without =
  (...names: string[]) =>
  (config: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(config).filter(([name]) => !names.includes(name)))
const all = without()

test.each(['2.9.10', '2.10.27', '2.11.9', '1.4.1', 'v2.11.0-beta'])(
  'a server of version %s, before anything is asked of it',
  async (version) => {
    await using server = await fakeNats({ version }, jetStream(all))
    await expect(connectTo(server)).rejects.toMatchObject({
      code: 'server_unfit',
      message: expect.stringMatching(/runs nats-server .*: use nats-server 2\.12 or newer on every server of the cluster/),
    })
    expect(server.asked).toEqual([])
  },
)

test.each(['2.12.0', '2.15.1', '2.12.0-RC.1', '3.0.0'])('a server of version %s does', async (version) => {
  await using server = await fakeNats({ version }, jetStream(all))
  await using connection = await connectTo(server)
  expect(connection.maxPayloadBytes).toBe(1_048_576)
})

test.each([['allow_msg_ttl'], ['allow_atomic']])(
  'a new server before an old one that leads the stream, and has dropped %s',
  async (flag) => {
    await using server = await fakeNats({ version: '2.15.1' }, jetStream(without(flag)))
    await expect(connectTo(server)).rejects.toMatchObject({
      code: 'server_unfit',
      message: expect.stringMatching(new RegExp(`${flag} is not kept.*2\\.12 or newer on every server`)),
    })
  },
)

test('a stream that somebody else has made otherwise is not taken, and what is wrong with it is said', async () => {
  const made = {
    ...streamConfig('default', { replicas: 1 }),
    max_age: 60_000_000_000,
    discard: 'old',
    subjects: ['slm.default.log'],
  }
  await using server = await fakeNats({ version: '2.15.1' }, jetStream(all, made))
  await expect(connectTo(server)).rejects.toMatchObject({
    code: 'server_unfit',
    message: expect.stringMatching(/discard is old.*max_age is 60000000000.*does not take slm\.default\.snapshot.*slm-mesh init/),
  })
})

test('one that takes too small messages, or has no JetStream', async () => {
  await using small = await fakeNats({ version: '2.15.1', max_payload: 65_536 })
  await expect(connectTo(small)).rejects.toMatchObject({ code: 'server_unfit', message: expect.stringContaining('max_payload') })
  await using without = await fakeNats({ version: '2.15.1', jetstream: false })
  await expect(connectTo(without)).rejects.toMatchObject({
    code: 'server_unfit',
    message: expect.stringContaining('without JetStream'),
  })
})

test('two that make it at once: the second takes what the first has made', async () => {
  let first = true
  const shared = jetStream(all, { ...streamConfig('default', { replicas: 3 }) })
  await using server = await fakeNats({ version: '2.15.1' }, (subject, body) => {
    if (subject.startsWith('$JS.API.STREAM.INFO.') && first) {
      first = false
      return { error: { code: 404, err_code: 10059, description: 'stream not found' } }
    }
    return shared(subject, body)
  })
  await using connection = await connectTo(server)
  expect(connection.stream.config.num_replicas).toBe(3)
})

test('nobody there, and a server that does not encrypt where that is asked for', async () => {
  const gone = await fakeNats({ version: '2.15.1' })
  await gone[Symbol.asyncDispose]()
  await expect(connectTo(gone)).rejects.toMatchObject({
    code: 'unreachable',
    facts: { url: gone.url, detail: expect.stringContaining('refused') },
  })
  await using plain = await fakeNats({ version: '2.15.1' })
  await expect(connectTo({ url: plain.url.replace('nats:', 'tls:') })).rejects.toMatchObject({
    code: 'unreachable',
    facts: { detail: expect.stringContaining('it does not encrypt') },
  })
})
