import { join } from 'node:path'
import type { Agent, Wanted } from './agent.ts'
import { places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'vscode'

const hook = (wanted: Wanted, event: string) => [
  { type: 'command', command: hookCommand(wanted, NAME, event, event === 'PreToolUse'), timeout: 10 },
]

export const vscode: Agent = {
  name: NAME,
  title: 'VS Code',
  programs: ['code'],
  dirs: (home) => [places(home).code],
  servers: {
    format: 'json',
    key: 'servers',
    user: (home) => [join(places(home).code, 'mcp.json')],
    project: (home) => [places(home).here('.vscode', 'mcp.json')],
    entry: (start, { platform }) => ({ type: 'stdio', ...serverOf(start, platform) }),
  },
  hooks: {
    // A file of our own in a directory that Copilot CLI reads too; each runs only those of its own sessions.
    user: (home) => places(home).at('.copilot', 'hooks', 'slm-mesh-vscode.json'),
    project: (home) => places(home).here('.github', 'hooks', 'slm-mesh-vscode.json'),
    pieces: (wanted) => [hookLists(wanted, NAME, Object.fromEntries(EVENTS.map((event) => [event, hook(wanted, event)])))],
  },
  notes: ({ hooks }) => (hooks ? ['hooks are a preview in VS Code, and an organisation may have switched them off'] : []),
}

const EVENTS = ['SessionStart', 'PreToolUse', 'PostToolUse', 'Stop']
