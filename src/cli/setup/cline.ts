import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Agent } from './agent.ts'
import { type Home, places } from './home.ts'
import { serverOf } from './start.ts'

/** The extension of VS Code, and the program: each keeps its own list. */
const editions = (home: Home) => [
  { dir: join(places(home).code, 'globalStorage', 'saoudrizwan.claude-dev'), list: ['settings', 'cline_mcp_settings.json'] },
  { dir: places(home).at('.cline'), list: ['data', 'settings', 'cline_mcp_settings.json'] },
]
const listsOf = (all: ReturnType<typeof editions>) => all.map(({ dir, list }) => join(dir, ...list))

export const cline: Agent = {
  name: 'cline',
  title: 'Cline',
  programs: ['cline'],
  dirs: (home) => editions(home).map(({ dir }) => dir),
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => listsOf(editions(home)),
    project: () => [],
    pick: (home) => {
      const there = editions(home).filter(({ dir }) => existsSync(dir))
      return listsOf(there.length > 0 ? there : editions(home).slice(1))
    },
    entry: (start, { platform }) => serverOf(start, platform),
  },
}
