import { describe, expect, test } from 'vitest'
import { type Printed, saysAll } from '../../../src/cli/hooks/adapter.ts'
import { adapters, eventOf } from '../../../src/cli/hooks/all.ts'
import { fieldsOf } from '../../../src/cli/hooks/fields.ts'
import type { HookAnswer, HookCall } from '../../../src/peer/hook.ts'

/** What each agent's documentation says that it sends and takes, in examples of our own. */

const adapter = (agent: string) => {
  const found = adapters[agent]
  if (!found) throw new Error(`no adapter of ${agent}`)
  return found
}
const call = (agent: string, event: string, input: unknown) => adapter(agent).call(event, fieldsOf(input))
const print = (agent: string, event: string, answer: HookAnswer) => adapter(agent).print(event, answer)

/** Common to what Claude Code, Codex and Gemini CLI send. */
const common = { session_id: 's-1', transcript_path: '/t.jsonl', cwd: '/project', permission_mode: 'default' }
const cursorBase = { conversation_id: 'c-1', generation_id: 'g-1', workspace_roots: ['/project'], cursor_version: '3.1.0' }
const windsurfBase = { trajectory_id: 't-1', execution_id: 'e-1', timestamp: '2026-11-01T10:00:00Z' }
const agyBase = { conversationId: 'a-1', workspacePaths: ['/project'], transcriptPath: '/t.jsonl', stepIdx: 3 }
const patch = `*** Begin Patch
*** Update File: src/users.ts
*** Move to: src/people.ts
@@
-old
+*** Add File: no/file.ts is only text
*** Add File: docs/new page.md
+hello
*** Delete File: /abs/gone.ts
*** End Patch`
const patched = ['src/users.ts', 'src/people.ts', 'docs/new page.md', '/abs/gone.ts']

const calls: [agent: string, event: string, input: object, asked: Omit<HookCall, 'agent'> | undefined][] = [
  ['claude-code', 'SessionStart', { ...common, source: 'startup' }, { moment: 'start', cwd: '/project' }],
  ['claude-code', 'UserPromptSubmit', { ...common, prompt: 'go' }, { moment: 'prompt', cwd: '/project' }],
  [
    'claude-code',
    'PreToolUse',
    { ...common, tool_name: 'MultiEdit', tool_input: { file_path: '/project/a.ts', edits: [] } },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  [
    'claude-code',
    'PreToolUse',
    { ...common, tool_name: 'NotebookEdit', tool_input: { notebook_path: '/project/a.ipynb' } },
    { moment: 'before-edit', paths: ['/project/a.ipynb'], cwd: '/project' },
  ],
  ['claude-code', 'PreToolUse', { ...common, tool_name: 'Read', tool_input: { file_path: '/project/a.ts' } }, undefined],
  [
    'claude-code',
    'PostToolUse',
    { ...common, tool_name: 'Bash', tool_input: { command: 'ls' } },
    { moment: 'after-tool', cwd: '/project' },
  ],
  ['claude-code', 'Stop', { ...common, stop_hook_active: true }, { moment: 'stop', cwd: '/project' }],
  ['claude-code', 'idle', { ...common, stop_hook_active: false }, { moment: 'idle', cwd: '/project' }],
  ['claude-code', 'SessionEnd', { ...common, reason: 'clear' }, { moment: 'end', cwd: '/project' }],
  ['claude-code', 'PreCompact', common, undefined],

  ['codex', 'SessionStart', { ...common, model: 'm', source: 'resume' }, { moment: 'start', cwd: '/project' }],
  [
    'codex',
    'PreToolUse',
    { ...common, turn_id: 't', tool_name: 'apply_patch', tool_input: { command: patch } },
    { moment: 'before-edit', paths: patched, cwd: '/project' },
  ],
  [
    'codex',
    'PreToolUse',
    { ...common, tool_name: 'Bash', tool_input: { command: `apply_patch <<'EOF'\n${patch}\nEOF` } },
    { moment: 'before-edit', paths: patched, cwd: '/project' },
  ],
  ['codex', 'PreToolUse', { ...common, tool_name: 'Bash', tool_input: { command: 'ls' } }, undefined],
  ['codex', 'Stop', { ...common, stop_hook_active: false }, { moment: 'stop', cwd: '/project' }],

  ['gemini-cli', 'BeforeAgent', { ...common, prompt: 'go' }, { moment: 'prompt', cwd: '/project' }],
  [
    'gemini-cli',
    'BeforeTool',
    { ...common, tool_name: 'replace', tool_input: { file_path: '/project/a.ts', old_string: '', new_string: 'x' } },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  ['gemini-cli', 'BeforeTool', { ...common, tool_name: 'read_file', tool_input: { file_path: 'a' } }, undefined],
  ['gemini-cli', 'AfterAgent', { ...common, stop_hook_active: true }, { moment: 'stop', cwd: '/project' }],

  ['cursor', 'sessionStart', { ...cursorBase, session_id: 'c-1' }, { moment: 'start', cwd: '/project' }],
  [
    'cursor',
    'preToolUse',
    { ...cursorBase, tool_name: 'Write', tool_input: { file_path: '/project/a.ts', content: 'x' }, cwd: '/project/sub' },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project/sub' },
  ],
  [
    'cursor',
    'preToolUse',
    { ...cursorBase, tool_input: { path: '/project/a.ts', old_string: 'a', new_string: 'b' } }, // some versions name no tool
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  ['cursor', 'preToolUse', { ...cursorBase, tool_name: 'Shell', tool_input: { command: 'ls' } }, undefined],
  ['cursor', 'preToolUse', { ...cursorBase, tool_input: { path: '/project/a.ts' } }, undefined],
  ['cursor', 'stop', { ...cursorBase, status: 'completed', loop_count: 1 }, { moment: 'stop', cwd: '/project' }],
  [
    'cursor',
    'postToolUse',
    { ...cursorBase, workspace_roots: ['/c:/work'], tool_name: 'Read' },
    { moment: 'after-tool', cwd: 'c:/work' },
  ],
  ['cursor', 'beforeSubmitPrompt', { ...cursorBase, prompt: 'go' }, undefined],

  [
    'windsurf',
    'pre_write_code',
    { ...windsurfBase, agent_action_name: 'pre_write_code', tool_info: { file_path: '/project/a.ts', edits: [] } },
    { moment: 'before-edit', paths: ['/project/a.ts'] },
  ],
  ['windsurf', 'post_cascade_response', { ...windsurfBase, tool_info: { response: 'done' } }, { moment: 'stop' }],
  ['windsurf', 'pre_run_command', { ...windsurfBase, tool_info: { command_line: 'ls' } }, undefined],

  [
    'vscode',
    'PreToolUse',
    { sessionId: 'v-1', cwd: '/project', tool_name: 'editFiles', tool_input: { files: ['src/a.ts', 'src/b.ts'] } },
    { moment: 'before-edit', paths: ['src/a.ts', 'src/b.ts'], cwd: '/project' },
  ],
  [
    'vscode',
    'PreToolUse',
    {
      session_id: 'v-1',
      cwd: '/project',
      tool_name: 'multi_replace_string_in_file',
      tool_input: { replacements: [{ filePath: '/project/a.ts' }, { filePath: '/project/b.ts' }, { filePath: '/project/a.ts' }] },
    },
    { moment: 'before-edit', paths: ['/project/a.ts', '/project/b.ts'], cwd: '/project' },
  ],
  ['vscode', 'PreToolUse', { cwd: '/project', tool_name: 'readFile', tool_input: { filePath: 'a' } }, undefined],
  ['vscode', 'Stop', { cwd: '/project', stop_hook_active: true }, { moment: 'stop', cwd: '/project' }],
  ['vscode', 'UserPromptSubmit', { cwd: '/project', prompt: 'go' }, undefined],

  [
    'copilot-cli',
    'preToolUse',
    { sessionId: 'k-1', timestamp: 1, cwd: '/project', toolName: 'create', toolArgs: '{"path":"/project/a.ts","file_text":"x"}' },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  [
    'copilot-cli',
    'preToolUse',
    { session_id: 'k-1', cwd: '/project', tool_name: 'edit', tool_input: { path: '/project/a.ts' } },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  ['copilot-cli', 'preToolUse', { cwd: '/project', toolName: 'view', toolArgs: { path: 'a' } }, undefined],
  [
    'copilot-cli',
    'preToolUse',
    { cwd: '/project', toolName: 'str_replace_editor', toolArgs: { command: 'view', path: 'a' } },
    undefined,
  ],
  ['copilot-cli', 'agentStop', { cwd: '/project', stopReason: 'end_turn' }, { moment: 'stop', cwd: '/project' }],

  ['antigravity', 'PreInvocation', { ...agyBase, invocationNum: 0 }, { moment: 'prompt', cwd: '/project' }],
  ['antigravity', 'PreInvocation', { ...agyBase, invocationNum: 2 }, { moment: 'after-tool', cwd: '/project' }],
  [
    'antigravity',
    'PreToolUse',
    { ...agyBase, toolCall: { name: 'write_to_file', args: { TargetFile: '/project/a.ts', CodeContent: 'x' } } },
    { moment: 'before-edit', paths: ['/project/a.ts'], cwd: '/project' },
  ],
  ['antigravity', 'PreToolUse', { ...agyBase, toolCall: { name: 'run_command', args: { CommandLine: 'ls' } } }, undefined],
  ['antigravity', 'PostToolUse', { ...agyBase, toolCall: { name: 'view_file', args: { AbsolutePath: '/a' } } }, undefined],
  ['antigravity', 'Stop', { ...agyBase, terminationReason: 'NO_TOOL_CALL' }, { moment: 'stop', cwd: '/project' }],
]

test.each(calls)('%s %s asks what its event means: %j', (agent, event, input, asked) => {
  expect(call(agent, event, input)).toEqual(asked && { agent: adapter(agent).agentTypes[0], ...asked })
})

test.each([
  ['claude-code', common, 's-1'],
  ['codex', common, 's-1'],
  ['cursor', cursorBase, 'c-1'],
  ['gemini-cli', common, 's-1'],
  ['windsurf', windsurfBase, 't-1'],
  ['vscode', { sessionId: 'v-1' }, 'v-1'],
  ['copilot-cli', { session_id: 'k-1' }, 'k-1'],
  ['antigravity', agyBase, 'a-1'],
])('%s tells its session', (agent, input, id) => expect(adapter(agent).session(fieldsOf(input))).toBe(id))

/** What each agent is told to let it go on; `stop` and the others are in the same order as its events. */
const goOn: Record<string, Record<string, object | undefined>> = {
  'claude-code': { SessionStart: undefined, PreToolUse: undefined, PostToolUse: undefined, Stop: undefined, idle: undefined },
  codex: { SessionStart: {}, UserPromptSubmit: {}, PreToolUse: {}, PostToolUse: {}, Stop: {} },
  cursor: {
    sessionStart: {},
    preToolUse: { permission: 'allow' },
    beforeShellExecution: { permission: 'allow' },
    beforeSubmitPrompt: { continue: true },
    postToolUse: {},
    stop: {},
    preCompact: {},
  },
  'gemini-cli': { SessionStart: {}, BeforeAgent: {}, BeforeTool: {}, AfterTool: {}, AfterAgent: {} },
  windsurf: { pre_write_code: undefined, post_cascade_response: undefined },
  vscode: { SessionStart: { continue: true }, PreToolUse: { continue: true }, Stop: { continue: true } },
  'copilot-cli': { sessionStart: {}, preToolUse: {}, postToolUse: {}, agentStop: {} },
  antigravity: { PreInvocation: {}, PreToolUse: { decision: 'allow' }, PostToolUse: {}, Stop: {} },
}

test.each(Object.entries(goOn))('%s goes on with its own form, and no permission is granted for its user', (agent, forms) => {
  for (const [event, stdout] of Object.entries(forms))
    expect([event, print(agent, event, {})]).toEqual([event, { ...(stdout && { stdout }), exit: 0 }])
  expect(print(agent, 'an event of tomorrow', {}).exit).toBe(0)
})

const specific = (hookEventName: string, output: object) => ({ hookSpecificOutput: { hookEventName, ...output } })
const both = (hookEventName: string, output: object) => ({ ...output, ...specific(hookEventName, output) })
const denied = { permissionDecision: 'deny', permissionDecisionReason: 'held by nova' }
const block = { decision: 'block', reason: 'mail' }

const answers: [agent: string, event: string, answer: HookAnswer, printed: Printed][] = [
  ['claude-code', 'PreToolUse', { deny: 'held by nova' }, { stdout: specific('PreToolUse', denied), exit: 0 }],
  [
    'claude-code',
    'PostToolUse',
    { context: 'mail' },
    { stdout: specific('PostToolUse', { additionalContext: 'mail' }), exit: 0 },
  ],
  ['claude-code', 'Stop', { hold: 'mail' }, { stdout: specific('Stop', { additionalContext: 'mail' }), exit: 0 }],
  ['claude-code', 'idle', { wake: 'mail' }, { stderr: 'mail', exit: 2 }],
  ['codex', 'PreToolUse', { deny: 'held by nova' }, { stdout: specific('PreToolUse', denied), exit: 0 }],
  [
    'codex',
    'UserPromptSubmit',
    { context: 'mail' },
    { stdout: specific('UserPromptSubmit', { additionalContext: 'mail' }), exit: 0 },
  ],
  ['codex', 'Stop', { hold: 'mail' }, { stdout: block, exit: 0 }],
  ['gemini-cli', 'BeforeTool', { deny: 'held by nova' }, { stdout: { decision: 'deny', reason: 'held by nova' }, exit: 0 }],
  ['gemini-cli', 'BeforeAgent', { context: 'mail' }, { stdout: specific('BeforeAgent', { additionalContext: 'mail' }), exit: 0 }],
  ['gemini-cli', 'AfterAgent', { hold: 'mail' }, { stdout: { decision: 'deny', reason: 'mail' }, exit: 0 }],
  [
    'cursor',
    'preToolUse',
    { deny: 'held by nova' },
    { stdout: { permission: 'deny', user_message: 'held by nova', agent_message: 'held by nova' }, exit: 0 },
  ],
  ['cursor', 'postToolUse', { context: 'mail' }, { stdout: { additional_context: 'mail' }, exit: 0 }],
  ['cursor', 'stop', { hold: 'mail' }, { stdout: { followup_message: 'mail' }, exit: 0 }],
  ['windsurf', 'pre_write_code', { deny: 'held by nova' }, { stderr: 'held by nova', exit: 2 }],
  ['vscode', 'PreToolUse', { deny: 'held by nova' }, { stdout: both('PreToolUse', denied), exit: 0 }],
  ['vscode', 'PostToolUse', { context: 'mail' }, { stdout: both('PostToolUse', { additionalContext: 'mail' }), exit: 0 }],
  ['vscode', 'Stop', { hold: 'mail' }, { stdout: both('Stop', block), exit: 0 }],
  ['copilot-cli', 'preToolUse', { deny: 'held by nova' }, { stdout: both('PreToolUse', denied), exit: 0 }],
  ['copilot-cli', 'sessionStart', { context: 'mail' }, { stdout: both('SessionStart', { additionalContext: 'mail' }), exit: 0 }],
  ['copilot-cli', 'agentStop', { hold: 'mail' }, { stdout: both('Stop', block), exit: 0 }],
  ['antigravity', 'PreToolUse', { deny: 'held by nova' }, { stdout: { decision: 'deny', reason: 'held by nova' }, exit: 0 }],
  ['antigravity', 'PreInvocation', { context: 'mail' }, { stdout: { injectSteps: [{ ephemeralMessage: 'mail' }] }, exit: 0 }],
  ['antigravity', 'Stop', { hold: 'mail' }, { stdout: { decision: 'continue', reason: 'mail' }, exit: 0 }],
]

test.each(answers)('%s %s is told in its own form: %j', (agent, event, answer, printed) => {
  expect(print(agent, event, answer)).toEqual(printed)
})

describe('of all agents', () => {
  const events = Object.entries(adapters).flatMap(([agent, { events }]) =>
    Object.entries(events).map(([event, moment]) => ({ agent, event, moment })),
  )

  test("what has no place in an event's form does not count as shown", () => {
    const isShown = (agent: string, event: string, answer: HookAnswer) => saysAll(print(agent, event, answer), answer)
    const mail = { context: '[mesh] "a\\b"\n\u2028' }
    expect(isShown('codex', 'PostToolUse', mail)).toBe(true)
    expect(isShown('claude-code', 'idle', { wake: mail.context })).toBe(true)
    expect(isShown('windsurf', 'pre_write_code', { deny: 'held', ...mail })).toBe(true)
    expect(isShown('codex', 'Stop', { hold: 'held', ...mail })).toBe(true)
    expect(isShown('codex', 'Stop', mail)).toBe(false)
    expect(isShown('cursor', 'preToolUse', mail)).toBe(false)
    expect(isShown('windsurf', 'post_cascade_response', { hold: mail.context })).toBe(false)
    expect(isShown('gemini-cli', 'SessionEnd', mail)).toBe(false)
    for (const { agent, event } of events) expect(isShown(agent, event, {})).toBe(true)
  })

  test.each(events.filter(({ moment }) => moment === 'before-edit'))(
    '$agent $event: what else there is to say goes with the denial',
    ({ agent, event }) => {
      const { stdout, stderr } = print(agent, event, { deny: 'held by nova', context: 'and mail' })
      const text = JSON.stringify(stdout ?? stderr)
      expect(text).toContain('held by nova\\n\\nand mail')
    },
  )

  test.each(events)('$agent $event: nothing in an input is taken for more than it is', ({ agent, event }) => {
    const hostile = [
      '{"__proto__":{"tool_name":"Write","cwd":"/x"},"constructor":{"prototype":{}}}',
      '{"tool_name":["Write"],"tool_input":[],"cwd":7,"session_id":{},"workspace_roots":{},"tool_info":null,"toolCall":"{"}',
      '[]',
      'null',
      '"text"',
      '7',
    ]
    for (const json of hostile) {
      const input = fieldsOf(JSON.parse(json))
      const asked = adapter(agent).call(event, input)
      expect(asked?.cwd).toBeUndefined()
      expect(asked?.paths).toBeUndefined()
      expect(adapter(agent).session(input)).toBeUndefined()
    }
  })

  test('an event is understood by its own name, in any case, and by its moment', () => {
    expect(eventOf(adapter('codex'), 'pretooluse')).toBe('PreToolUse')
    expect(eventOf(adapter('cursor'), 'before-edit')).toBe('preToolUse')
    expect(eventOf(adapter('copilot-cli'), 'Stop')).toBe('agentStop')
    expect(eventOf(adapter('claude-code'), 'idle')).toBe('idle')
    expect(eventOf(adapter('codex'), '__proto__')).toBe('__proto__')
  })
})
