import { ErrorCode, ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, expect, test } from 'vitest'
import { type Agent, sharedMesh } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'

const mesh = sharedMesh(2)
function two() {
  const { agents, dir } = mesh()
  const [a, b] = agents as [Agent, Agent] // as many as were asked for
  return { a, b, path: dir }
}
const watched = new Set<string>()
async function watch(agent: Agent, uri: string): Promise<void> {
  watched.add(uri)
  await agent.client.subscribeResource({ uri })
}
afterEach(async () => {
  const { b } = two()
  for (const uri of watched) await b.client.unsubscribeResource({ uri })
  watched.clear()
  await b.call('message.inbox', {})
})

// biome-ignore lint/suspicious/noExplicitAny: what a resource holds is what the test is about
async function read(agent: Agent, uri: string): Promise<any> {
  const { contents } = await agent.client.readResource({ uri })
  expect(contents).toMatchObject([{ uri, mimeType: 'application/json', text: expect.any(String) }])
  return JSON.parse((contents[0] as { text: string }).text)
}

/** The resources of which this client was told that they have changed. */
function updates(agent: Agent): string[] {
  const told: string[] = []
  agent.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void told.push(params.uri))
  return told
}

test('each resource of the list can be read, and says what its tool says', async () => {
  const { a, b, path } = two()
  await a.call('lock.acquire', { filePath: `${path}/x`, reason: 'why' })
  await a.call('state.set', { namespace: 'a/b ä', key: 'k', value: 'v' })
  for (const { uri } of (await b.client.listResources()).resources) await read(b, uri)

  const peers = await read(b, 'mesh://peers')
  expect(peers.self.name).toBe(await b.name())
  expect(peers.peers.map(({ name }: { name: string }) => name)).toEqual([await a.name()])
  expect((await read(b, 'mesh://locks')).locks).toEqual((await b.call('lock.query', {})).locks)
  expect((await read(b, 'mesh://events')).events.map(({ type }: { type: string }) => type)).toContain('file_locked')
  expect(await read(b, 'mesh://status')).toMatchObject({ peers: { total: 2 }, locks: 1 })
  const [template] = (await b.client.listResourceTemplates()).resourceTemplates
  const uri = template?.uriTemplate.replace('{namespace}', encodeURIComponent('a/b ä')) ?? ''
  expect((await read(b, uri)).entries).toMatchObject([{ key: 'k', value: 'v' }])
  expect((await read(b, 'mesh://state/empty')).entries).toEqual([])
  await a.call('lock.release', { filePath: `${path}/x` })
})

test('reading the inbox as a resource does not mark it as read', async () => {
  const { a, b } = two()
  const { messageId } = await a.call('message.send', { to: await b.name(), message: 'hello' })
  for (let i = 0; i < 2; i++)
    expect((await read(b, 'mesh://inbox')).messages).toMatchObject([{ payload: 'hello', readAt: null, state: 'queued' }])
  const sent = (await a.call('message.inbox', { filter: 'sent' })).messages
  expect(sent.find(({ id }) => id === messageId)).toMatchObject({ state: 'queued' })
  expect((await b.call('message.inbox', {})).messages).toHaveLength(1)
  expect((await read(b, 'mesh://inbox')).messages).toEqual([])
})

test.each<[string, (a: Agent, b: Agent, path: string) => Promise<unknown>]>([
  ['mesh://peers', (a) => a.call('peer.describe', { summary: 'new' })],
  ['mesh://inbox', async (a, b) => a.call('message.send', { to: await b.name(), message: 'x' })],
  ['mesh://locks', (a, _, path) => a.call('lock.acquire', { filePath: `${path}/x` })],
  ['mesh://state/plans', (a) => a.call('state.set', { namespace: 'plans', key: 'k', value: 'v' })],
  ['mesh://events', (a) => a.call('event.emit', { types: ['x_custom'] })],
])('who subscribed to %s is told when it changes', async (uri, change) => {
  const { a, b, path } = two()
  const told = updates(b)
  await watch(b, uri)
  // A change that happens before the watching has begun is seen by whoever reads after subscribing.
  await eventually(async () => {
    await change(a, b, path)
    await a.call('lock.release', { filePath: `${path}/x` }).catch(() => {})
    return told.length > 0
  })
  expect(new Set(told)).toEqual(new Set([uri]))
})

test('who unsubscribes from one is told of the others only, and in the end of none', async () => {
  const { a, b } = two()
  const told = updates(b)
  for (const uri of ['mesh://peers', 'mesh://state/x', 'mesh://locks']) await watch(b, uri)
  const setUntil = (uri: string) =>
    eventually(async () => {
      await a.call('peer.describe', { summary: 'new' })
      await a.call('state.set', { namespace: 'x', key: 'k', value: 'v' })
      return told.includes(uri)
    })
  await setUntil('mesh://peers')
  await setUntil('mesh://state/x')
  await b.client.unsubscribeResource({ uri: 'mesh://peers' })
  told.length = 0
  await setUntil('mesh://state/x')
  // Told in order: had peers still been watched, it would have been told of first.
  expect(told).not.toContain('mesh://peers')
  await b.client.unsubscribeResource({ uri: 'mesh://state/x' })
  await b.client.unsubscribeResource({ uri: 'mesh://locks' })
  await b.client.unsubscribeResource({ uri: 'mesh://locks' })
  told.length = 0
  await a.call('state.set', { namespace: 'x', key: 'k', value: 'w' })
  await watch(b, 'mesh://inbox')
  await eventually(async () => {
    await a.call('message.send', { to: await b.name(), message: 'x' })
    return told.length > 0
  })
  expect(new Set(told)).toEqual(new Set(['mesh://inbox']))
})

test('watching resources is no subscription of the agent: nothing is told in its answers', async () => {
  const { a, b } = two()
  await watch(b, 'mesh://events')
  await a.call('state.set', { key: 'k', value: 'v' })
  const { structuredContent } = await b.tool('mesh_status', {})
  expect(structuredContent).toMatchObject({ self: { subscribed: [] } })
  expect(structuredContent).not.toHaveProperty('notice')
})

test('what is no resource is refused, to read and to watch', async () => {
  const { a } = two()
  for (const uri of ['mesh://nothing', 'mesh://', 'mesh://state/', 'mesh://state/%E0', 'file:///etc/passwd', 'constructor', ''])
    for (const ask of [a.client.readResource({ uri }), a.client.subscribeResource({ uri })])
      await expect(ask, uri).rejects.toMatchObject({ code: ErrorCode.InvalidParams })
})
