import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'

/** Claude Code's hooks of type `mcp_tool`: calls of a tool that is not listed, whose text answers are read as JSON. */

async function meet() {
  const dir = dataDir()
  const start = (name: string, client = 'claude-code') => Agent.start({ dir, client, env: { SLM_MESH_NAME: name } })
  const [a, b] = await Promise.all([start('a', 'codex'), start('b')])
  return {
    a,
    b,
    project: join(dir, '..'),
    async [Symbol.asyncDispose]() {
      await Promise.all([a, b].map((agent) => agent[Symbol.asyncDispose]()))
    },
  }
}

const hook = async (agent: Agent, event: string, more: Record<string, string> = {}) =>
  JSON.parse(await agent.text('mesh_hook', { event, file: '', session: 's', active: '', ...more }))
const send = (agent: Agent, message: string, priority: 'normal' | 'urgent' | 'low' = 'normal') =>
  agent.call('message.send', { to: 'b', message, priority })
const states = async (agent: Agent) => (await agent.call('message.inbox', { filter: 'sent' })).messages.map(({ state }) => state)

test('the tool of the hooks is not listed: it costs no model anything', async () => {
  await using mesh = await meet()
  const { tools } = await mesh.b.client.listTools()
  expect(tools.map(({ name }) => name)).not.toContain('mesh_hook')
})

test('mail is shown with the next prompt, after a tool, and before stopping, exactly once each', async () => {
  await using mesh = await meet()
  const { a, b } = mesh
  for (const event of ['UserPromptSubmit', 'PostToolUse']) {
    await send(a, `for ${event}`)
    const { hookSpecificOutput } = await hook(b, event)
    expect(hookSpecificOutput.hookEventName).toBe(event)
    expect(hookSpecificOutput.additionalContext).toMatch(/^\[mesh\] 1 message from other agents\. .*not from your user/)
    expect(hookSpecificOutput.additionalContext).toContain(`"for ${event}"`)
    expect(await hook(b, event)).toEqual({})
  }
  await send(a, 'for Stop')
  const held = await hook(b, 'Stop')
  expect(held.hookSpecificOutput).toEqual({ hookEventName: 'Stop', additionalContext: expect.stringContaining('"for Stop"') })
  expect(await hook(b, 'Stop', { active: 'true' })).toEqual({})
  await eventually(async () => (await states(a)).every((state) => state === 'seen'))
  expect((await b.call('message.inbox', {})).messages).toEqual([])
})

test('a subagent hears whom its edit has met; mail waits for its agent', async () => {
  await using mesh = await meet()
  const { a, b, project } = mesh
  const file = join(project, 'users.ts')
  await send(a, 'for the agent')
  expect(await hook(b, 'PostToolUse', { subagent: 'looks-around' })).toEqual({})
  await hook(a, 'PostToolUse', { file })
  const { hookSpecificOutput } = await hook(b, 'PostToolUse', { subagent: 'looks-around', file })
  expect(hookSpecificOutput.additionalContext).toMatch(/^\[mesh\] a has written .*users\.ts/)
  expect(hookSpecificOutput.additionalContext).not.toContain('for the agent')
  expect((await hook(b, 'PostToolUse')).hookSpecificOutput.additionalContext).toContain('for the agent')
})

test('low mail holds nobody up, and comes with the next prompt', async () => {
  await using mesh = await meet()
  await send(mesh.a, 'whenever', 'low')
  expect(await hook(mesh.b, 'PostToolUse')).toEqual({})
  expect(await hook(mesh.b, 'Stop')).toEqual({})
  expect((await hook(mesh.b, 'UserPromptSubmit')).hookSpecificOutput.additionalContext).toContain('"whenever"')
})

test('where a hook shows the mail, no notice tells of it as well; without one it does', async () => {
  await using mesh = await meet()
  const { a, b } = mesh
  await b.text('mesh_peers')
  await hook(b, 'PostToolUse')
  await send(a, 'one')
  expect(await b.text('mesh_peers')).not.toContain('[mesh]')
  expect((await hook(b, 'PostToolUse')).hookSpecificOutput.additionalContext).toContain('"one"')
  await b.text('mesh_peers')
  await send(a, 'two')
  expect(await b.text('mesh_peers'), 'the last answer was followed by no hook').toContain('1 new message from a')
})

test('more mail than may be added to a context is told of, and stays in the inbox', async () => {
  await using mesh = await meet()
  const { a, b } = mesh
  await send(a, 'small')
  await send(a, `big ${'x'.repeat(30_000)}`)
  await send(a, 'after')
  const { hookSpecificOutput } = await hook(b, 'UserPromptSubmit')
  expect(hookSpecificOutput.additionalContext.length).toBeLessThan(10_000)
  expect(hookSpecificOutput.additionalContext).toContain('"small"')
  expect(hookSpecificOutput.additionalContext).toContain('2 new messages from a: mesh_inbox shows them.')
  expect(await hook(b, 'PostToolUse'), 'it was told already').toEqual({})
  expect((await b.call('message.inbox', {})).messages).toHaveLength(2)
})

test('an edit of a file that another holds is refused with the holder, the reason, and what to do', async () => {
  await using mesh = await meet()
  const { a, b, project } = mesh
  const filePath = join(project, 'src', 'users.ts')
  expect(await hook(b, 'PreToolUse', { file: filePath })).toEqual({})
  await a.call('lock.acquire', { filePath: join(project, 'src'), reason: 'renaming email' })
  const { hookSpecificOutput } = await hook(b, 'PreToolUse', { file: filePath })
  expect(hookSpecificOutput).toMatchObject({ hookEventName: 'PreToolUse', permissionDecision: 'deny' })
  expect(hookSpecificOutput.permissionDecisionReason).toMatch(/is locked by a until .*"renaming email".*mesh_send.*wait=60/)
  expect(await hook(b, 'PreToolUse', { notebook: filePath })).toMatchObject({
    hookSpecificOutput: { permissionDecision: 'deny' },
  })
  expect(await hook(a, 'PreToolUse', { file: filePath })).toEqual({})

  // Whoever writes it all the same, the holder hears of it.
  await eventually(async () => {
    mkdirSync(join(project, 'src'), { recursive: true })
    writeFileSync(filePath, String(performance.now()))
    return (await a.call('event.read', { types: ['file_changed'] })).events.length > 0
  })
  await a.call('lock.release', { filePath: join(project, 'src') })
  expect(await hook(b, 'PreToolUse', { file: filePath })).toEqual({})
})

test('what a hook does not know lets the agent go on', async () => {
  await using mesh = await meet()
  expect(await hook(mesh.b, 'Whatever')).toEqual({})
  expect(await hook(mesh.b, '__proto__')).toEqual({})
  expect(JSON.parse(await mesh.b.text('mesh_hook', {}))).toEqual({})
  expect(JSON.parse(await mesh.b.text('mesh_hook', { event: 7, file: {} }))).toEqual({})
})

test('the list of peers says how an agent is reached, as far as it was seen', async () => {
  await using mesh = await meet()
  const reach = async () => (await mesh.a.call('peer.list', {})).peers.find(({ name }) => name === 'b')?.reach
  expect(await reach()).toBe('poll')
  await hook(mesh.b, 'UserPromptSubmit')
  await eventually(async () => (await reach()) === 'hooks')
})

test('a door that turns out to be shut is no longer claimed', async () => {
  const dir = dataDir()
  const env = { SLM_MESH_NAME: 'b', PATH: dir } // no codex is there
  await using b = await Agent.start({ dir, client: 'codex-mcp-client', env })
  const call = () => b.client.callTool({ name: 'mesh_summary', arguments: { summary: 'x' }, _meta: { threadId: 't-1' } })
  const reach = async () => (await b.call('peer.list', {})).self.reach
  await call()
  await eventually(async () => (await reach()) === 'wake')
  await using a = await companion({ dir })
  await a.call('message.send', { to: 'b', message: 'now', priority: 'urgent' })
  // Not before the door was tried: an answer of a tool would tell of the mail first.
  await eventually(() => readFileSync(join(dir, 'mesh.log'), 'utf8').includes('could not be woken'))
  await eventually(async () => (await reach()) === 'poll')
  expect((await b.call('message.inbox', {})).messages).toHaveLength(1)
})
