import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { type Companion, companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'

/** Sessions of one mesh, called a, b, c …: the one that is told, b, is a real one. */
async function meet(count: number) {
  const dir = dataDir()
  const others = await Promise.all([...'acde'].slice(0, count - 1).map((name) => companion({ dir, name })))
  const b = await Agent.start({ dir, env: { SLM_MESH_NAME: 'b' } })
  const [a, ...rest] = others as [Companion, ...Companion[]] // two meet at least
  return {
    agents: [a, b, ...rest] as const,
    async [Symbol.asyncDispose]() {
      await Promise.all([b, ...others].map((agent) => agent[Symbol.asyncDispose]()))
    },
  }
}

/** What an answer told beside itself: in its text and in its data, which must agree. */
async function notice(agent: Agent, tool = 'mesh_peers', args: Record<string, unknown> = {}): Promise<string | undefined> {
  const { content, structuredContent } = await agent.tool(tool, args)
  const text = content[0]?.type === 'text' ? content[0].text : ''
  const inText = /\n\n\[mesh\] (.*)$/.exec(text)?.[1]
  expect(structuredContent?.notice).toBe(inText)
  return inText
}

const states = async (agent: Companion) =>
  (await agent.call('message.inbox', { filter: 'sent' })).messages.map(({ state }) => state)

test('new mail is told once, at the end of the next answer of any other tool', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  expect(await notice(b)).toBeUndefined()
  await a.call('message.send', { to: 'b', message: 'one' })
  expect(await notice(b, 'mesh_state', { action: 'list' })).toBe('1 new message from a: mesh_inbox shows it.')
  expect(await notice(b)).toBeUndefined()
  await a.call('message.send', { to: 'b', message: 'two' })
  await a.call('message.send', { to: 'b', message: 'three' })
  expect(await notice(b, 'mesh_summary', { summary: 'x' })).toBe('2 new messages from a: mesh_inbox shows them.')
  expect(await notice(b)).toBeUndefined()
  expect((await b.call('message.inbox', {})).messages).toHaveLength(3)
})

test('its sender sees it queued, notified, seen and acked', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  const { messageId = '' } = await a.call('message.send', { to: 'b', message: 'one' })
  expect(await states(a)).toEqual(['queued'])
  await notice(b)
  // What an answer told counts once it has left, which may be a moment after it has arrived.
  await eventually(async () => (await states(a))[0] === 'notified')
  const { messages } = await b.call('message.inbox', {})
  expect(messages).toMatchObject([{ state: 'notified', deliveredAt: expect.any(String), readAt: null }])
  await eventually(async () => (await states(a))[0] === 'seen')
  await b.call('message.send', { to: 'a', message: 'thanks', replyTo: messageId })
  expect(await states(a)).toEqual(['acked'])
})

test('mail that was read is not told, and the answer that carries it does not tell of it', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  await a.call('message.send', { to: 'b', message: 'one' })
  expect(await notice(b, 'mesh_inbox')).toBeUndefined()
  expect(await notice(b)).toBeUndefined()
  await eventually(async () => (await states(a))[0] === 'seen') // never "notified"
  await a.call('message.send', { to: 'b', message: 'two' })
  const waiting = notice(b, 'mesh_inbox', { wait: 20 })
  expect(await waiting).toBeUndefined()
  expect(await notice(b)).toBeUndefined()
  await a.call('message.send', { to: 'b', message: 'three' })
  expect(await notice(b, 'mesh_inbox', { filter: 'sent' })).toBeUndefined() // it looks into its mail already
  expect(await notice(b)).toMatch(/^1 new message from a/)
})

test('urgent mail is counted, senders are named, many are summed up', async () => {
  await using mesh = await meet(5)
  const [, b, ...rest] = mesh.agents
  const others = [mesh.agents[0], ...rest]
  await others[1]?.call('message.send', { to: 'b', message: 'now', priority: 'urgent' })
  await others[0]?.call('message.send', { to: 'b', message: 'later', priority: 'low' })
  await others[0]?.call('message.send', { to: 'b', message: 'fire', type: 'alert', priority: 'urgent' })
  expect(await notice(b)).toBe('3 new messages (2 urgent) from c, a: mesh_inbox shows them.')
  for (const other of others) await other.call('message.send', { to: 'b', message: 'x' })
  expect(await notice(b)).toBe('4 new messages from a, c, d and others: mesh_inbox shows them.')
  for (let i = 0; i < 100; i++) await others[0]?.call('message.send', { to: 'b', message: `${i}` })
  expect(await notice(b)).toBe('at least 100 new messages from a: mesh_inbox shows them.')
})

test('a failed call tells nothing, and nothing is lost by it', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  await a.call('message.send', { to: 'b', message: 'one' })
  const failed = await b.tool('mesh_state', { action: 'get', key: 'nothing' })
  expect(failed.isError).toBe(true)
  expect(JSON.stringify(failed)).not.toContain('[mesh]')
  expect(await states(a)).toEqual(['queued'])
  expect(await notice(b)).toMatch(/^1 new message/)
})

test('two calls at once do not both tell of the same mail', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  await a.call('message.send', { to: 'b', message: 'one' })
  const told = await Promise.all(Array.from({ length: 8 }, () => notice(b)))
  expect(told.filter(Boolean)).toHaveLength(1)
})

test('events that it subscribed to are told once as well, and reading them ends it', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  await b.call('event.subscribe', { types: ['state_changed', 'x_built'] })
  expect(await notice(b)).toBeUndefined()
  await a.call('state.set', { key: 'k', value: '1' })
  await a.call('state.set', { key: 'k', value: '2' })
  await a.call('event.emit', { types: ['x_built'] })
  await a.call('event.emit', { types: ['x_other'] })
  expect(await notice(b)).toBe('3 new events you subscribed to (state_changed ×2, x_built): mesh_events action=read.')
  expect(await notice(b)).toBeUndefined()
  await a.call('event.emit', { types: ['x_built'] })
  expect(await notice(b)).toBe('1 new event you subscribed to (x_built): mesh_events action=read.')
  expect((await b.call('event.read', {})).events).toHaveLength(4)
  expect(await notice(b)).toBeUndefined()
  await b.call('state.set', { key: 'k', value: '3' })
  expect(await notice(b)).toBeUndefined() // its own doings are no news
})

test('mail and events are told in one line', async () => {
  await using mesh = await meet(2)
  const [a, b] = mesh.agents
  await b.call('event.subscribe', { types: ['x_built'] })
  await a.call('event.emit', { types: ['x_built'] })
  await a.call('message.send', { to: 'b', message: 'one' })
  expect(await notice(b)).toBe(
    '1 new message from a: mesh_inbox shows it. 1 new event you subscribed to (x_built): mesh_events action=read.',
  )
})

test('what was told is not told again to the session that comes back', async () => {
  const dir = dataDir()
  await using a = await companion({ dir, name: 'a' })
  const first = await Agent.start({ dir, env: { SLM_MESH_NAME: 'b' } })
  await a.call('message.send', { to: 'b', message: 'told' })
  expect(await notice(first)).toMatch(/^1 new message/)
  await eventually(async () => (await states(a))[0] === 'notified')
  await first[Symbol.asyncDispose]()
  await a.call('message.send', { to: 'b', message: 'not told' })
  await using second = await Agent.connect({ dir, env: { SLM_MESH_NAME: 'b' } })
  expect(await notice(second)).toBe('1 new message from a: mesh_inbox shows it.')
  expect((await second.call('message.inbox', {})).messages.map(({ payload }) => payload)).toEqual(['told', 'not told'])
})
