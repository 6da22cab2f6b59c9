import { join } from 'node:path'
import type { Agent, Wanted } from './agent.ts'
import { type Home, places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'copilot-cli'

const dir = (home: Home) => home.env.COPILOT_HOME || places(home).at('.copilot')

const hook = (wanted: Wanted, event: string) => [
  { type: 'command', command: hookCommand(wanted, NAME, event, event === 'preToolUse'), timeoutSec: 10 },
]

export const copilotCli: Agent = {
  name: NAME,
  title: 'Copilot CLI',
  programs: ['copilot'],
  // The directory alone says nothing: VS Code's hooks stand in it too.
  dirs: (home) => ['config.json', 'settings.json', 'logs', 'session-state'].map((name) => join(dir(home), name)),
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [join(dir(home), 'mcp-config.json')],
    project: () => [],
    entry: (start, { platform }) => ({ type: 'local', ...serverOf(start, platform), tools: ['*'] }),
  },
  hooks: {
    user: (home) => join(dir(home), 'hooks', 'slm-mesh.json'),
    project: (home) => places(home).here('.github', 'hooks', 'slm-mesh.json'),
    pieces: (wanted) => [
      ...(wanted.hooks ? [{ kind: 'beside', path: ['version'], value: 1 } as const] : []),
      hookLists(wanted, NAME, Object.fromEntries(EVENTS.map((event) => [event, hook(wanted, event)]))),
    ],
  },
}

const EVENTS = ['sessionStart', 'preToolUse', 'postToolUse', 'agentStop', 'sessionEnd']
