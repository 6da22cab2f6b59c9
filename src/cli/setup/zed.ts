import { join } from 'node:path'
import type { Agent } from './agent.ts'
import { type Home, places } from './home.ts'
import { serverOf } from './start.ts'

const dir = (home: Home) => {
  const { roaming, at, xdg } = places(home)
  return home.platform === 'win32' ? join(roaming, 'Zed') : home.platform === 'darwin' ? at('.config', 'zed') : join(xdg, 'zed')
}

export const zed: Agent = {
  name: 'zed',
  title: 'Zed',
  programs: ['zed', 'zeditor'],
  dirs: (home) => [dir(home)],
  servers: {
    format: 'json',
    key: 'context_servers',
    user: (home) => [join(dir(home), 'settings.json')],
    project: (home) => [places(home).here('.zed', 'settings.json')],
    entry: (start, { platform }) => ({ source: 'custom', ...serverOf(start, platform), env: {} }),
  },
}
