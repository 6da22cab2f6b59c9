import type { Agent, Wanted } from './agent.ts'
import { places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'gemini-cli'

const hook = (wanted: Wanted, event: string, matcher?: string) => [
  {
    ...(matcher !== undefined && { matcher }),
    hooks: [
      {
        name: 'slm-mesh',
        type: 'command',
        command: hookCommand(wanted, NAME, event, matcher !== undefined),
        // Milliseconds, unlike everywhere else.
        timeout: 10_000,
      },
    ],
  },
]

export const geminiCli: Agent = {
  name: NAME,
  title: 'Gemini CLI',
  programs: ['gemini'],
  dirs: () => [],
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [places(home).at('.gemini', 'settings.json')],
    project: (home) => [places(home).here('.gemini', 'settings.json')],
    entry: (start, { platform }) => serverOf(start, platform),
  },
  hooks: {
    user: (home) => places(home).at('.gemini', 'settings.json'),
    project: (home) => places(home).here('.gemini', 'settings.json'),
    pieces: (wanted) => [
      hookLists(wanted, NAME, {
        SessionStart: hook(wanted, 'SessionStart'),
        BeforeAgent: hook(wanted, 'BeforeAgent'),
        BeforeTool: hook(wanted, 'BeforeTool', 'write_file|replace'),
        AfterTool: hook(wanted, 'AfterTool'),
        AfterAgent: hook(wanted, 'AfterAgent'),
        SessionEnd: hook(wanted, 'SessionEnd'),
      }),
    ],
  },
}
