import { realpathSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Agent, type AgentOptions } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { suspend } from '../support/suspend.ts'

const CLAUDE = (session: string): AgentOptions => ({ client: 'claude-code', env: { CLAUDE_CODE_SESSION_ID: session } })
const CODEX: AgentOptions = { client: 'codex-mcp-client' }
const NAMED = (name: string): AgentOptions => ({ env: { SLM_MESH_NAME: name } })

/** A call as Codex makes it, with its thread's id beside the arguments. */
const inThread = (agent: Agent, threadId: string, name = 'mesh_status') =>
  agent.client.callTool({ name, arguments: {}, _meta: { threadId } })

const payloads = async (agent: Agent) => (await agent.call('message.inbox', {})).messages.map(({ payload }) => payload)

/** Starts, subscribes, leaves; a friend writes meanwhile; comes back: it must be whom it was, with all of it. */
async function comesBack(first: AgentOptions, second: AgentOptions = first, end: 'leaves' | 'crashes' = 'leaves') {
  const dir = dataDir()
  const cwd = realpathSync(testDir())
  await using friend = await companion({ dir, client: 'friend' })
  const before = await Agent.start({ dir, cwd, ...first })
  const { self } = await before.call('peer.list', {})
  await before.call('event.subscribe', { types: ['x_built'] })
  if (end === 'crashes') await before.kill()
  else await before[Symbol.asyncDispose]()
  await eventually(async () => (await friend.call('peer.list', {})).peers.every(({ status }) => status === 'away'))
  const { recipients } = await friend.call('message.send', { to: self.name, message: 'while you were away' })
  expect(recipients).toMatchObject([{ name: self.name, away: true, state: 'queued' }])
  await friend.call('event.emit', { types: ['x_built'] })

  await using after = await Agent.start({ dir, cwd, ...second })
  const { self: back, peers } = await after.call('peer.list', {})
  expect(peers).toHaveLength(1)
  const same = back.id === self.id
  return {
    same,
    name: back.name === self.name,
    mail: await payloads(after),
    events: (await after.call('event.read', {})).events.filter(({ type }) => type === 'x_built').length,
    subscribed: (await after.call('mesh.status', {})).self.subscribed,
  }
}

const EVERYTHING = { same: true, name: true, mail: ['while you were away'], events: 1, subscribed: ['x_built'] }

test.each<[string, AgentOptions, AgentOptions?, ('leaves' | 'crashes')?]>([
  ['a resumed session of Claude Code', CLAUDE('s1')],
  ['one that crashed', CLAUDE('s1'), CLAUDE('s1'), 'crashes'],
  ['one that is resumed in another directory', CLAUDE('s1'), { ...CLAUDE('s1'), cwd: '/' }],
  ['a chosen name', NAMED('nova')],
  ['a chosen name, from another agent and directory', NAMED('nova'), { ...NAMED('nova'), client: 'other', cwd: '/' }],
  ['the same agent in the same directory', { client: 'gemini-cli-mcp-client' }],
])('comes back as whom it was, with its mail and subscriptions: %s', async (_, first, second, end) => {
  expect(await comesBack(first, second, end)).toEqual(EVERYTHING)
})

test('another session of Claude Code, another agent or another directory is somebody else', async () => {
  const dir = dataDir()
  const [here, there] = [realpathSync(testDir()), realpathSync(testDir())]
  const ids = new Set<string>()
  const sessions: AgentOptions[] = [
    { ...CLAUDE('s1'), cwd: here },
    { ...CLAUDE('s2'), cwd: here },
    { client: 'cursor-vscode', cwd: here },
    { client: 'cursor-vscode', cwd: there },
    { client: 'windsurf-client', cwd: there },
    { ...NAMED('nova'), client: 'cursor-vscode', cwd: here },
    { client: 'claude-code', cwd: here }, // one that does not tell its session
  ]
  for (const options of sessions) {
    await using agent = await Agent.start({ dir, ...options })
    ids.add((await agent.call('peer.list', {})).self.id)
  }
  expect(ids.size).toBe(sessions.length)
})

test('Codex tells its thread with its first call; mail to its provisional name moves along, and to its old name it had', async () => {
  const dir = dataDir()
  await using friend = await companion({ dir, client: 'friend' })
  const first = await Agent.start({ dir, ...CODEX })
  await inThread(first, 'thread-1')
  const old = (await first.call('peer.list', {})).self
  await first[Symbol.asyncDispose]()
  await eventually(async () => (await friend.call('peer.list', {})).peers.every(({ status }) => status === 'away'))
  await friend.call('message.send', { to: old.name, message: 'to the old name' })

  await using second = await Agent.start({ dir, ...CODEX })
  const provisional = (await second.call('peer.list', {})).self
  expect(provisional.id).not.toBe(old.id)
  await friend.call('message.send', { to: provisional.name, message: 'to the provisional name' })
  await inThread(second, 'thread-1')
  expect((await second.call('peer.list', {})).self).toMatchObject({ id: old.id, name: old.name })
  expect(await payloads(second)).toEqual(['to the old name', 'to the provisional name'])
  const { peers } = await friend.call('peer.list', {})
  expect(peers.map(({ id, status }) => [id, status])).toEqual([[old.id, 'active']])

  // What is sent from now on arrives, and other threads of the same process change nothing any more.
  await inThread(second, 'thread-2')
  await friend.call('message.send', { to: old.id, message: 'hello again' })
  expect(await payloads(second)).toEqual(['hello again'])
})

test('Claude Code that goes on with a session has another id in its environment; its first hook tells the true one', async () => {
  const dir = dataDir()
  await using friend = await companion({ dir, client: 'friend' })
  const hook = (agent: Agent, event: string) => agent.text('mesh_hook', { event, session: 's1' })
  const first = await Agent.start({ dir, ...CLAUDE('s1') })
  await hook(first, 'Stop')
  const old = (await first.call('peer.list', {})).self
  await first[Symbol.asyncDispose]()
  await eventually(async () => (await friend.call('peer.list', {})).peers.every(({ status }) => status === 'away'))
  await friend.call('message.send', { to: old.id, message: 'while you were away' })

  await using second = await Agent.connect({ dir, ...CLAUDE('of-this-start') })
  expect(await hook(second, 'UserPromptSubmit')).toContain('while you were away')
  expect((await second.call('peer.list', {})).self).toMatchObject({ id: old.id, name: old.name })
  expect((await friend.call('peer.list', {})).peers.map(({ id }) => id)).toEqual([old.id])
})

test('a new thread of Codex is a new peer that keeps its first name', async () => {
  await using agent = await Agent.start(CODEX)
  const before = (await agent.call('peer.list', {})).self
  await inThread(agent, 'thread-1')
  expect((await agent.call('peer.list', {})).self).toMatchObject({ id: before.id, name: before.name })
})

test('the mailbox of a living session is never taken', async () => {
  const dir = dataDir()
  const cwd = realpathSync(testDir())
  for (const options of [CLAUDE('s1'), { client: 'cursor-vscode' }, NAMED('nova')]) {
    await using first = await Agent.start({ dir, cwd, ...options })
    await using second = await Agent.start({ dir, cwd, ...options })
    const [a, b] = [(await first.call('peer.list', {})).self, (await second.call('peer.list', {})).self]
    expect(a.id).not.toBe(b.id)
    await second.call('message.send', { to: a.id, message: 'for the first' })
    expect(await payloads(second)).toEqual([])
    expect(await payloads(first)).toEqual(['for the first'])
  }
})

test('a stopped session lives: its mailbox is not taken either', async () => {
  const dir = dataDir()
  await using first = await Agent.start({ dir, ...CLAUDE('s1') })
  const { self } = await first.call('peer.list', {})
  await suspend(first)
  await using second = await Agent.start({ dir, ...CLAUDE('s1') })
  expect((await second.call('peer.list', {})).self.id).not.toBe(self.id)
})

test('the second of two who were given one name is called by it and a number', async () => {
  const dir = dataDir()
  await using first = await Agent.start({ dir, ...NAMED('nova') })
  await using second = await Agent.start({ dir, ...NAMED('nova') })
  await using third = await Agent.start({ dir, ...NAMED('Nova') })
  expect(await first.name()).toBe('nova')
  expect(await second.name()).toBe('nova-2')
  expect((await third.name()).toLowerCase()).toBe('nova-3')
})

test('of two threads of Codex that live at once neither takes the other', async () => {
  const dir = dataDir()
  await using first = await Agent.start({ dir, ...CODEX })
  await using second = await Agent.start({ dir, ...CODEX })
  await inThread(first, 'thread-1')
  const { self } = await first.call('peer.list', {})
  await inThread(second, 'thread-1')
  expect((await second.call('peer.list', {})).self.id).not.toBe(self.id)
  expect((await first.call('peer.list', {})).self.id).toBe(self.id)
})
