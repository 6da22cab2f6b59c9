import type { Agent, Wanted } from './agent.ts'
import { places } from './home.ts'
import { hookCommand } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'antigravity'
const WRITERS = 'write_to_file|replace_file_content|multi_replace_file_content|edit_notebook'

const hook = (wanted: Wanted, event: string, isEdit = false) => ({
  type: 'command',
  command: hookCommand(wanted, NAME, event, isEdit),
  timeout: 10,
})

export const antigravity: Agent = {
  name: NAME,
  title: 'Antigravity',
  programs: ['agy', 'antigravity'],
  dirs: (home) => [places(home).at('.gemini', 'antigravity'), places(home).at('.gemini', 'antigravity-cli')],
  servers: {
    format: 'json',
    key: 'mcpServers',
    // Its editions have moved the file, and sources disagree: the one that is there is the one that is read.
    user: (home) => [
      places(home).at('.gemini', 'config', 'mcp_config.json'),
      places(home).at('.gemini', 'antigravity', 'mcp_config.json'),
      places(home).at('.gemini', 'antigravity-cli', 'mcp_config.json'),
    ],
    project: (home) => [places(home).here('.agents', 'mcp_config.json')],
    entry: (start, { platform }) => serverOf(start, platform),
  },
  hooks: {
    user: (home) => places(home).at('.gemini', 'config', 'hooks.json'),
    project: (home) => places(home).here('.agents', 'hooks.json'),
    // Each tool has a group of its own there. It refuses a whole file for one fraction in a timeout.
    pieces: (wanted) => [
      {
        kind: 'entry',
        path: ['slm-mesh'],
        value: wanted.hooks
          ? {
              PreInvocation: [hook(wanted, 'PreInvocation')],
              PreToolUse: [
                {
                  matcher: WRITERS,
                  hooks: [hook(wanted, 'PreToolUse', true)],
                },
              ],
              PostToolUse: [{ matcher: WRITERS, hooks: [hook(wanted, 'PostToolUse')] }],
              Stop: [hook(wanted, 'Stop')],
            }
          : {},
      },
    ],
  },
}
