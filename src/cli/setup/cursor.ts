import type { Agent, Wanted } from './agent.ts'
import { commandText } from './command-text.ts'
import { places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'cursor'
const WRITERS = 'Write|Edit|MultiEdit|StrReplace|ApplyPatch|EditNotebook|Delete'

const hook = (wanted: Wanted, event: string, matcher?: string) => ({
  command: hookCommand(wanted, NAME, event, matcher !== undefined),
  ...(matcher !== undefined && { matcher }),
  timeout: 10,
})

export const cursor: Agent = {
  name: NAME,
  title: 'Cursor',
  programs: ['cursor', 'cursor-agent'],
  dirs: (home) => [places(home).at('.cursor')],
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [places(home).at('.cursor', 'mcp.json')],
    project: (home) => [places(home).here('.cursor', 'mcp.json')],
    entry: (start, { platform }) => serverOf(start, platform),
  },
  hooks: {
    user: (home) => places(home).at('.cursor', 'hooks.json'),
    project: (home) => places(home).here('.cursor', 'hooks.json'),
    pieces: (wanted) => [
      ...(wanted.hooks ? [{ kind: 'beside', path: ['version'], value: 1 } as const] : []),
      hookLists(wanted, NAME, {
        sessionStart: [hook(wanted, 'sessionStart')],
        preToolUse: [hook(wanted, 'preToolUse', WRITERS)],
        postToolUse: [hook(wanted, 'postToolUse')],
        stop: [hook(wanted, 'stop')],
        sessionEnd: [hook(wanted, 'sessionEnd')],
      }),
    ],
  },
  commands: {
    user: (home) => places(home).at('.cursor', 'commands', 'slm-mesh.md'),
    project: (home) => places(home).here('.cursor', 'commands', 'slm-mesh.md'),
    text: commandText(),
  },
}
