import { join } from 'node:path'
import type { Environment } from '../../core/config.ts'

/** Where each agent keeps its list of MCP servers, and how it writes them down. */

export interface Home {
  readonly home: string
  readonly cwd: string
  readonly platform: NodeJS.Platform
  readonly env: Environment
}

export interface AgentConfig {
  /** The agent's type, as peers of it are shown. */
  readonly agent: string
  /** Files that may hold the list, those of this project too; any number of them may exist. */
  readonly files: readonly string[]
  /** Directories that are there where the agent is installed. */
  readonly dirs: readonly string[]
  readonly format: 'json' | 'toml' | 'yaml'
  /** The key under which servers are listed. */
  readonly key: string
}

export function agentConfigs({ home, cwd, platform, env }: Home): AgentConfig[] {
  const at = (...parts: string[]) => join(home, ...parts)
  const here = (...parts: string[]) => join(cwd, ...parts)
  const roaming = env.APPDATA || at('AppData', 'Roaming')
  const xdg = env.XDG_CONFIG_HOME || at('.config')
  /** Applications' own directories: three conventions. */
  const application = (name: string) =>
    platform === 'darwin'
      ? at('Library', 'Application Support', name)
      : platform === 'win32'
        ? join(roaming, name)
        : at('.config', name)
  const code = join(application('Code'), 'User')
  const codex = env.CODEX_HOME || at('.codex')
  const claude = env.CLAUDE_CONFIG_DIR
  const zed = platform === 'win32' ? join(roaming, 'Zed') : platform === 'darwin' ? at('.config', 'zed') : join(xdg, 'zed')
  const opencode = join(xdg, 'opencode')
  const goose = platform === 'win32' ? join(roaming, 'Block', 'goose', 'config') : join(xdg, 'goose')
  const cline = join(code, 'globalStorage', 'saoudrizwan.claude-dev')
  const json = { format: 'json', key: 'mcpServers' } as const
  return [
    {
      agent: 'claude-code',
      files: [claude ? join(claude, '.claude.json') : at('.claude.json'), here('.mcp.json')],
      dirs: [claude || at('.claude')],
      ...json,
    },
    {
      agent: 'claude-desktop',
      files: [join(application('Claude'), 'claude_desktop_config.json')],
      dirs: [application('Claude')],
      ...json,
    },
    { agent: 'cursor', files: [at('.cursor', 'mcp.json'), here('.cursor', 'mcp.json')], dirs: [at('.cursor')], ...json },
    {
      agent: 'windsurf',
      files: [at('.codeium', 'windsurf', 'mcp_config.json')],
      dirs: [at('.codeium', 'windsurf')],
      ...json,
    },
    {
      agent: 'vscode',
      files: [join(code, 'mcp.json'), here('.vscode', 'mcp.json')],
      dirs: [code],
      format: 'json',
      key: 'servers',
    },
    {
      agent: 'codex',
      files: [join(codex, 'config.toml'), here('.codex', 'config.toml')],
      dirs: [codex],
      format: 'toml',
      key: 'mcp_servers',
    },
    {
      agent: 'gemini-cli',
      files: [at('.gemini', 'settings.json'), here('.gemini', 'settings.json')],
      dirs: [],
      ...json,
    },
    {
      agent: 'antigravity',
      files: [
        at('.gemini', 'config', 'mcp_config.json'),
        at('.gemini', 'antigravity', 'mcp_config.json'),
        at('.gemini', 'antigravity-cli', 'mcp_config.json'),
        here('.agents', 'mcp_config.json'),
      ],
      dirs: [at('.gemini', 'antigravity'), at('.gemini', 'antigravity-cli')],
      ...json,
    },
    {
      agent: 'zed',
      files: [join(zed, 'settings.json'), here('.zed', 'settings.json')],
      dirs: [zed],
      format: 'json',
      key: 'context_servers',
    },
    {
      agent: 'cline',
      files: [join(cline, 'settings', 'cline_mcp_settings.json'), at('.cline', 'data', 'settings', 'cline_mcp_settings.json')],
      dirs: [cline, at('.cline')],
      ...json,
    },
    {
      agent: 'opencode',
      files: [join(opencode, 'opencode.json'), join(opencode, 'opencode.jsonc'), here('opencode.json'), here('opencode.jsonc')],
      dirs: [opencode],
      format: 'json',
      key: 'mcp',
    },
    { agent: 'copilot', files: [at('.copilot', 'mcp-config.json')], dirs: [at('.copilot')], ...json },
    { agent: 'goose', files: [join(goose, 'config.yaml')], dirs: [goose], format: 'yaml', key: 'extensions' },
  ]
}

/** How a server that may be ours is started. */
export interface Registration {
  readonly words: readonly string[]
  readonly isOff: boolean
}

/** The entries of a parsed configuration that start slm-mesh; Claude Code also keeps some for single projects. Pure. */
export function registrationsIn(document: unknown, key: string): Registration[] {
  const root = objectOf(document)
  const lists = [root, ...Object.values(objectOf(root.projects)).map(objectOf)].map((owner) => objectOf(owner[key]))
  return lists.flatMap((list) =>
    Object.entries(list).flatMap(([name, value]) => {
      const entry = objectOf(value)
      const words = wordsOf(entry)
      if (name !== 'slm-mesh' && !words.some((word) => IS_OURS.test(word))) return []
      return [{ words, isOff: entry.disabled === true || entry.enabled === false }]
    }),
  )
}

const IS_OURS = /(?:^|[\\/@])slm-mesh(?:$|[\\/@.])/

function wordsOf(entry: Record<string, unknown>): string[] {
  const { command, args } = entry
  // Zed once had an object there, opencode has a list.
  const before =
    typeof command === 'object' && !Array.isArray(command)
      ? wordsOf({ command: objectOf(command).path, ...objectOf(command) })
      : [command].flat()
  return [...before, ...[args].flat()].filter((word) => typeof word === 'string')
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {} // an object
