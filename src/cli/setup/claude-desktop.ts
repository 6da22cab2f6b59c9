import { join } from 'node:path'
import type { Agent } from './agent.ts'
import { places } from './home.ts'
import { bareServerOf, serverOf } from './start.ts'

export const claudeDesktop: Agent = {
  name: 'claude-desktop',
  title: 'Claude Desktop',
  dirs: (home) => [places(home).application('Claude')],
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [join(places(home).application('Claude'), 'claude_desktop_config.json')],
    project: () => [],
    // Started from the Dock, it knows no PATH of a shell.
    entry: (start, { platform }) => (platform === 'darwin' ? bareServerOf(start, process.execPath) : serverOf(start, platform)),
  },
}
