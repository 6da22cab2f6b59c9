import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { projectFrom, recognise, sessionFromCall, sessionFromEnvironment } from '../../src/mcp/clients.ts'

/** `clientInfo.name` as the real programs send it. */
test.each([
  ['claude-code', 'claude-code'],
  ['claude-ai', 'claude-desktop'],
  ['cursor-vscode', 'cursor'],
  ['codex-mcp-client', 'codex'],
  ['Codex', 'codex'],
  ['gemini-cli-mcp-client', 'gemini-cli'],
  ['antigravity-client', 'antigravity'],
  ['windsurf-client', 'windsurf'],
  ['Visual Studio Code', 'vscode'],
  ['Visual-Studio-Code', 'vscode'],
  ['github-copilot-developer', 'copilot'],
  ['Zed', 'zed'],
  ['Cline', 'cline'],
  ['Roo-Code', 'roo-code'],
  ['Kilo-Code', 'kilo-code'],
  ['opencode', 'opencode'],
  ['crush', 'crush'],
  ['goose', 'goose'],
  ['amp-mcp-client', 'amp'],
  ['Q-DEV-CLI', 'q-developer'],
  ['kiro-cli', 'kiro'],
  ['continue-cli-client', 'continue'],
  ['factory-cli', 'factory'],
  ['IntelliJ-copilot-intellij', 'jetbrains'],
  ['JetBrains-IU-copilot-intellij', 'jetbrains'],
  ['Xcode-copilot-xcode', 'xcode'],
  // A gateway in between adds its own words.
  ['claude-code (via gateway 1.2)', 'claude-code'],
])('%s is %s', (name, agentType) => {
  expect(recognise(name, {})).toBe(agentType)
  // What it was started from says nothing about what it is.
  expect(recognise(name, { GEMINI_CLI: '1', CLAUDECODE: '1', SLM_MESH_AGENT: 'other' })).toBe(agentType)
})

test.each<[string | undefined, Record<string, string>, string]>([
  ['My Own Client/2', {}, 'my-own-client-2'],
  ['--', {}, 'unknown'],
  [undefined, {}, 'unknown'],
  ['mcp', {}, 'unknown'],
  ['x'.repeat(100), {}, 'x'.repeat(32)],
  ['../../etc', {}, 'etc'],
  ['mcp', { SLM_MESH_AGENT: 'codex', CLAUDECODE: '1' }, 'codex'],
  ['My Own Client', { SLM_MESH_AGENT: 'mine' }, 'mine'],
  ['mcp', { CLAUDECODE: '1', GEMINI_CLI: '1' }, 'claude-code'],
  ['mcp-client', { ANTIGRAVITY_AGENT: '1', GEMINI_CLI: '1' }, 'antigravity'],
  ['example-client', { CODEX_THREAD_ID: 't' }, 'codex'],
  ['', { OPENCODE: '1' }, 'opencode'],
  ['mcp', { CLAUDECODE: '' }, 'unknown'],
])('a client that calls itself %j, in %j, is %s', (name, env, agentType) => expect(recognise(name, env)).toBe(agentType))

test.each<[string, Record<string, string>, string | undefined]>([
  ['claude-code', { CLAUDE_CODE_SESSION_ID: 'abc' }, 'claude-code:abc'],
  ['claude-code', { CLAUDE_CODE_SESSION_ID: '' }, undefined],
  ['claude-code', {}, undefined],
  ['codex', { CLAUDE_CODE_SESSION_ID: 'abc' }, undefined], // inherited from the agent it was started in
  ['claude-code', { CLAUDE_CODE_SESSION_ID: 'x'.repeat(1_000) }, `claude-code:${'x'.repeat(200)}`],
])('%s with %j is session %s', (type, env, key) => expect(sessionFromEnvironment(type, env)).toBe(key))

test.each<[string, Record<string, unknown> | undefined, string | undefined]>([
  ['codex', { threadId: 't1', sessionId: 's1' }, 'codex:t1'],
  ['codex', { sessionId: 's1' }, 'codex:s1'],
  ['codex', { threadId: '' }, undefined],
  ['codex', { threadId: { $ne: 1 } }, undefined],
  ['codex', {}, undefined],
  ['codex', undefined, undefined],
  ['antigravity', { conversation_id: 'c1' }, 'antigravity:c1'],
  ['claude-code', { threadId: 't1' }, undefined],
  ['constructor', { threadId: 't1' }, undefined],
])('a call of %s with %j is of session %s', (type, meta, key) => expect(sessionFromCall(type, meta)).toBe(key))

test.each<[string, string[], Record<string, string>, string]>([
  ['the first root', [pathToFileURL('/work tree/ä').href, 'file:///other'], { CLAUDE_PROJECT_DIR: '/env' }, '/work tree/ä'],
  ['the first root that is a directory here', ['https://x.example/', 'file://host/share', 'file:///here'], {}, '/here'],
  ['no root that can be read', ['file:///%E0', 'untitled:1'], { CLAUDE_PROJECT_DIR: '/env' }, '/env'],
  ['the environment', [], { CLAUDE_PROJECT_DIR: '/env' }, '/env'],
  ['where it was started', [], {}, '/cwd'],
  ['an empty variable', [], { CLAUDE_PROJECT_DIR: '' }, '/cwd'],
])('the project is told by %s', (_, roots, env, path) => expect(projectFrom(roots, env, '/cwd')).toBe(path))
