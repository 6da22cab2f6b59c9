import { join } from 'node:path'
import type { Agent } from './agent.ts'
import { type Home, places } from './home.ts'
import { serverOf } from './start.ts'

const dir = ({ platform, ...home }: Home) => {
  const { roaming, xdg } = places({ ...home, platform })
  return platform === 'win32' ? join(roaming, 'Block', 'goose', 'config') : join(xdg, 'goose')
}

/** Its YAML is not edited, but shown what to add: an editor that keeps YAML's comments is not worth one agent. */
export const goose: Agent = {
  name: 'goose',
  title: 'Goose',
  programs: ['goose'],
  dirs: (home) => [dir(home)],
  servers: {
    format: 'yaml',
    key: 'extensions',
    user: (home) => [join(dir(home), 'config.yaml')],
    project: () => [],
    entry: (start, { platform }) => {
      const { command, args } = serverOf(start, platform)
      return { name: 'slm-mesh', type: 'stdio', cmd: command, args, enabled: true, timeout: 300 }
    },
  },
}
