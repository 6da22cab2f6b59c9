import type { Agent, Wanted } from './agent.ts'
import { commandText } from './command-text.ts'
import { places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'windsurf'

function hook(wanted: Wanted, event: string, isEdit: boolean) {
  const command = hookCommand(wanted, NAME, event, isEdit)
  return { command, ...(wanted.platform === 'win32' && { powershell: command }), show_output: false }
}

export const windsurf: Agent = {
  name: NAME,
  title: 'Windsurf',
  programs: ['windsurf'],
  dirs: (home) => [places(home).at('.codeium', 'windsurf')],
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [places(home).at('.codeium', 'windsurf', 'mcp_config.json')],
    project: () => [],
    entry: (start, { platform }) => serverOf(start, platform),
  },
  hooks: {
    user: (home) => places(home).at('.codeium', 'windsurf', 'hooks.json'),
    project: (home) => places(home).here('.windsurf', 'hooks.json'),
    pieces: (wanted) => [
      hookLists(wanted, NAME, {
        pre_write_code: [hook(wanted, 'pre_write_code', true)],
        post_cascade_response: [hook(wanted, 'post_cascade_response', false)],
      }),
    ],
  },
  commands: {
    user: (home) => places(home).at('.codeium', 'windsurf', 'global_workflows', 'slm-mesh.md'),
    project: (home) => places(home).here('.windsurf', 'workflows', 'slm-mesh.md'),
    text: commandText(),
  },
  notes: ({ hooks }) => (hooks ? ['its hooks can stop an edit, but tell the model nothing else: mail comes with notices'] : []),
}
