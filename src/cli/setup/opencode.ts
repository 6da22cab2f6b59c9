import { join } from 'node:path'
import type { Agent } from './agent.ts'
import { commandText } from './command-text.ts'
import { places } from './home.ts'
import { serverOf } from './start.ts'

export const opencode: Agent = {
  name: 'opencode',
  title: 'opencode',
  programs: ['opencode'],
  dirs: (home) => [join(places(home).xdg, 'opencode')],
  servers: {
    format: 'json',
    key: 'mcp',
    user: (home) => [join(places(home).xdg, 'opencode', 'opencode.json'), join(places(home).xdg, 'opencode', 'opencode.jsonc')],
    project: (home) => [places(home).here('opencode.json'), places(home).here('opencode.jsonc')],
    entry: (start, { platform }) => {
      const { command, args } = serverOf(start, platform)
      return { type: 'local', command: [command, ...args] }
    },
  },
  commands: {
    user: (home) => join(places(home).xdg, 'opencode', 'commands', 'slm-mesh.md'),
    project: (home) => places(home).here('.opencode', 'commands', 'slm-mesh.md'),
    text: commandText(),
  },
}
