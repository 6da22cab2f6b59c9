import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Agent, PROGRAM } from '../../support/agent.ts'
import { dataDir, meshEnv } from '../../support/data-dir.ts'
import { eventually } from '../../support/eventually.ts'
import { run } from '../../support/run.ts'
import { suspend } from '../../support/suspend.ts'

/** Real hook processes, asking real sessions. */

const hook = (dir: string, args: string[], input: object | string, command?: string[]) =>
  run(
    ['hook', ...args],
    { ...meshEnv(dir), HOME: dir },
    {
      input: typeof input === 'string' ? input : JSON.stringify(input),
      ...(command && { command }),
    },
  )
const json = ({ out }: { out: string }) => JSON.parse(out)
const patch = (path: string) => `*** Begin Patch\n*** Update File: ${path}\n@@\n-a\n+b\n*** End Patch`
const edit = (path: string, session_id: string) => ({
  ...{ session_id, hook_event_name: 'PreToolUse', tool_name: 'apply_patch' },
  tool_input: { command: patch(path) },
})

/** A sender, and two sessions of Codex that have told which thread they are. */
async function threads() {
  const dir = dataDir()
  const start = (name: string, client: string) => Agent.start({ dir, client, env: { SLM_MESH_NAME: name } })
  const agents = await Promise.all([
    start('sender', 'claude-code'),
    start('one', 'codex-mcp-client'),
    start('two', 'codex-mcp-client'),
  ])
  const [sender, one, two] = agents
  for (const [agent, threadId] of [
    [one, 't-1'],
    [two, 't-2'],
  ] as const)
    await agent.client.callTool({ name: 'mesh_status', arguments: {}, _meta: { threadId } })
  return {
    ...{ dir, sender, one, two, project: join(dir, '..') },
    states: async () => (await sender.call('message.inbox', { filter: 'sent' })).messages.map(({ state }) => state),
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()))
    },
  }
}

test('the session is found by its id: it is shown its own mail once, held before it stops, and kept from what others hold', async () => {
  await using mesh = await threads()
  const { dir, sender, project } = mesh
  await sender.call('message.send', { to: 'two', message: 'for the second' })
  expect(json(await hook(dir, ['codex', 'UserPromptSubmit'], { session_id: 't-1' }))).toEqual({})
  const shown = json(await hook(dir, ['codex', 'UserPromptSubmit'], { session_id: 't-2' }))
  expect(shown.hookSpecificOutput.hookEventName).toBe('UserPromptSubmit')
  expect(shown.hookSpecificOutput.additionalContext).toContain('"for the second"')
  await eventually(async () => (await mesh.states())[0] === 'seen')
  expect(json(await hook(dir, ['codex', 'UserPromptSubmit'], { session_id: 't-2' }))).toEqual({})

  await sender.call('message.send', { to: 'two', message: 'before you go' })
  const held = json(await hook(dir, ['codex', 'Stop'], { session_id: 't-2', stop_hook_active: false }))
  expect(held).toEqual({ decision: 'block', reason: expect.stringContaining('"before you go"') })

  await sender.call('lock.acquire', { filePath: join(project, 'held.ts'), reason: 'renaming' })
  const refused = json(await hook(dir, ['codex', 'PreToolUse'], { ...edit('held.ts', 't-2'), cwd: project }))
  expect(refused.hookSpecificOutput).toMatchObject({
    permissionDecision: 'deny',
    permissionDecisionReason: expect.stringMatching(/held\.ts" is locked by sender .*"renaming"/),
  })
  expect(json(await hook(dir, ['codex', 'PreToolUse'], { ...edit('free.ts', 't-2'), cwd: project }))).toEqual({})
})

test('what nobody has read does not count as shown', async () => {
  await using mesh = await threads()
  const { dir, sender } = mesh
  await sender.call('message.send', { to: 'one', message: 'once more' })
  const unread = ['sh', '-c', '"$@" | true', 'sh', process.execPath]
  await hook(dir, ['codex', 'UserPromptSubmit'], { session_id: 't-1' }, unread)
  const shown = json(await hook(dir, ['codex', 'UserPromptSubmit'], { session_id: 't-1' }))
  expect(shown.hookSpecificOutput.additionalContext).toContain('"once more"')
})

test('whatever goes wrong, the agent goes on; where it was so chosen, an unchecked edit is refused', async () => {
  await using mesh = await threads()
  const { dir, one } = mesh
  const guard = ['codex', 'PreToolUse', '--fail-closed']
  const why = (ran: Awaited<ReturnType<typeof hook>>) => json(ran).hookSpecificOutput?.permissionDecisionReason
  const absent = join(dir, '..', 'no-mesh')
  const [nobody, stranger, garbage, huge, content, setting] = await Promise.all([
    hook(absent, guard, edit('a.ts', 't-1')),
    hook(dir, ['gemini-cli', 'BeforeTool', '--fail-closed'], { tool_name: 'write_file', tool_input: { file_path: '/a' } }),
    hook(dir, guard, 'no json'),
    hook(dir, ['cursor', 'preToolUse'], 'x'.repeat(1024 * 1024)),
    hook(dir, guard, { ...edit('a.ts', 't-1'), tool_response: 'x'.repeat(1024 * 1024), __proto__: null }),
    run(
      ['hook', 'antigravity', 'PreToolUse'],
      { SLM_MESH_DATA_DIR: dir, SLM_MESH_PORT: 'x' },
      {
        input: JSON.stringify({ toolCall: { name: 'write_to_file', args: { TargetFile: '/a' } } }),
      },
    ),
  ])
  expect(why(nobody)).toMatch(/there is no mesh/)
  expect(json(stranger)).toEqual({ decision: 'deny', reason: expect.stringMatching(/this session is not on the mesh/) })
  expect(why(garbage)).toMatch(/standard input holds no JSON/)
  expect(huge).toEqual({ code: 0, out: '{"permission":"allow"}\n', err: '' })
  expect(content, 'a long input is no trouble').toEqual({ code: 0, out: '{}\n', err: '' })
  expect(setting).toEqual({ code: 0, out: '{"decision":"allow"}\n', err: '' })

  // A session that hangs, and an agent that never ends its input.
  await suspend(one)
  const [hanging, refused] = await Promise.all([
    hook(dir, ['codex', 'PreToolUse'], edit('a.ts', 't-1')),
    hook(dir, guard, edit('a.ts', 't-1')),
  ])
  one.child.kill('SIGCONT')
  expect(hanging).toEqual({ code: 0, out: '{}\n', err: '' })
  expect(why(refused)).toMatch(/took too long/)
  const endless = await new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, 'hook', 'windsurf', 'pre_write_code', '--fail-closed'], {
      env: { PATH: process.env.PATH ?? '', ...meshEnv(dir), HOME: dir },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin?.on('error', () => {})
    child.once('close', (code) => {
      child.stdin?.destroy()
      resolve(code)
    })
  })
  expect(endless, 'windsurf is refused by this exit code').toBe(2)
})

test('words that are not known never stop an agent, and a person is told', async () => {
  const dir = dataDir()
  const [agent, event, option, inCursor, help] = await Promise.all([
    hook(dir, ['no-agent', 'Stop'], {}),
    hook(dir, ['gemini-cli', 'EventOfTomorrow'], {}),
    hook(dir, ['codex', 'Stop', '--option-of-tomorrow'], {}),
    hook(dir, ['claude-code', 'PreToolUse'], { cursor_version: '3.0', tool_name: 'Write', tool_input: { file_path: '/a' } }),
    run(['hook', '--help'], { HOME: dir }),
  ])
  expect({ code: agent.code, out: agent.out }).toEqual({ code: 1, out: '' })
  expect(agent.err).toMatch(/^slm-mesh: no hooks are known of "no-agent"; of claude-code, codex, /)
  expect(event).toEqual({ code: 0, out: '{}\n', err: '' })
  expect(option).toEqual({ code: 0, out: '{}\n', err: '' })
  expect(inCursor, 'Cursor runs hooks of Claude Code too').toEqual({ code: 0, out: '{"permission":"allow"}\n', err: '' })
  expect(help.out).toContain('pre_write_code')
})

const FAKE_AGENT = fileURLToPath(new URL('../../programs/fake-agent.mjs', import.meta.url))

/** An agent that starts its server and its hooks itself. */
async function fakeAgent(dir: string, client: string, name: string, ...more: string[]) {
  const child = spawn(process.execPath, [FAKE_AGENT, PROGRAM, client, ...more], {
    cwd: join(dir, '..'),
    env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), SLM_MESH_NAME: name },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const ended = new Promise((resolve) => child.once('close', resolve))
  await lines.next()
  return {
    child,
    ended,
    async hook(args: string[], input: object): Promise<{ code: number; out: string }> {
      child.stdin.write(`${JSON.stringify({ args, input })}\n`)
      return JSON.parse((await lines.next()).value ?? 'null')
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

test('without an id the session is found by the agent that has started both, and never that of a neighbour', async () => {
  const dir = dataDir()
  await using sender = await Agent.start({ dir, client: 'codex' })
  const client = 'gemini-cli-mcp-client'
  const [first, second, third] = await Promise.all([
    fakeAgent(dir, client, 'one'),
    fakeAgent(dir, client, 'two'),
    fakeAgent(dir, client, 'bare', 'without-server'),
  ])
  await using one = first
  await using two = second
  await using bare = third
  await sender.call('message.send', { to: ['one', 'two'], message: 'hello' })
  const prompt = { session_id: 'not told to its server', cwd: join(dir, '..'), prompt: 'go' }
  const ask = async (agent: typeof one, event: string[]) => json(await agent.hook(event, prompt))
  // Neither an agent without a server nor another agent's hook below this one is given its mail.
  expect(await Promise.all([ask(bare, ['gemini-cli', 'BeforeAgent']), ask(one, ['codex', 'UserPromptSubmit'])])).toEqual([{}, {}])
  for (const shown of await Promise.all([one, two].map((agent) => ask(agent, ['gemini-cli', 'BeforeAgent']))))
    expect(shown.hookSpecificOutput.additionalContext).toContain('"hello"')
})

test('an idle hook wakes its agent when mail comes, gives way to a later one, and ends with its session', async () => {
  const dir = dataDir()
  await using sender = await Agent.start({ dir, client: 'codex' })
  await using session = await Agent.start({
    dir,
    client: 'claude-code',
    env: { SLM_MESH_NAME: 'idler', CLAUDE_CODE_SESSION_ID: 's-1' },
  })
  const idle = () => hook(dir, ['claude-code', 'idle'], { session_id: 's-1', hook_event_name: 'Stop' })
  const reach = async () => (await sender.call('peer.list', {})).peers.find(({ name }) => name === 'idler')?.reach
  const first = idle()
  await eventually(async () => (await reach()) === 'wake')
  const second = idle()
  expect(await first, 'a later one has taken its place').toEqual({ code: 0, out: '', err: '' })
  await sender.call('message.send', { to: 'idler', message: 'wake up' })
  const woken = await second
  expect({ code: woken.code, out: woken.out }).toEqual({ code: 2, out: '' })
  expect(woken.err).toMatch(/^\[mesh\] .*sender|^\[mesh\] .*message/)

  const pair = [idle(), idle()]
  await Promise.race(pair) // one has given way to the other, which waits
  await session.kill()
  for (const ran of await Promise.all(pair)) expect(ran).toEqual({ code: 0, out: '', err: '' })
})
