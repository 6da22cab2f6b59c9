import { fileURLToPath } from 'node:url'
import type { Environment } from '../core/config.ts'

/**
 * Which agent is at the other end, which session of it, and where it works. `clientInfo` first: an agent that was
 * started from inside another inherits the other's environment.
 */

/** Substrings of `clientInfo.name` in lower case, the more particular first, as the real programs send them. */
const BY_CLIENT_NAME: readonly (readonly [part: string, agentType: string])[] = [
  ['claude-code', 'claude-code'],
  ['claude', 'claude-desktop'],
  ['cursor', 'cursor'],
  ['codex', 'codex'],
  ['gemini', 'gemini-cli'],
  ['antigravity', 'antigravity'],
  ['windsurf', 'windsurf'],
  ['visual studio code', 'vscode'],
  ['visual-studio-code', 'vscode'],
  ['vscode', 'vscode'],
  ['github-copilot', 'copilot'],
  ['copilot-intellij', 'jetbrains'],
  ['jetbrains', 'jetbrains'],
  ['copilot-xcode', 'xcode'],
  ['zed', 'zed'],
  ['cline', 'cline'],
  ['roo-code', 'roo-code'],
  ['kilo-code', 'kilo-code'],
  ['opencode', 'opencode'],
  ['crush', 'crush'],
  ['goose', 'goose'],
  ['amp-mcp', 'amp'],
  ['q-dev', 'q-developer'],
  ['kiro', 'kiro'],
  ['continue', 'continue'],
  ['factory', 'factory'],
]

/** Variables that agents set for the programs they start. Codex clears the environment; `SLM_MESH_AGENT` is its way. */
const BY_VARIABLE: readonly (readonly [variable: string, agentType: string])[] = [
  ['CLAUDECODE', 'claude-code'],
  ['ANTIGRAVITY_AGENT', 'antigravity'],
  ['GEMINI_CLI', 'gemini-cli'],
  ['CODEX_THREAD_ID', 'codex'],
  ['CODEX_SANDBOX', 'codex'],
  ['OPENCODE', 'opencode'],
  ['KILO', 'kilo-code'],
  ['CURSOR_AGENT', 'cursor'],
]

/** Names that say nothing: defaults of SDKs. */
const NAMELESS = new Set(['', 'mcp', 'mcp-client', 'example-client'])

/** The agent's type in lower case. An unknown client is called by its own name. */
export function recognise(clientName: string | undefined, env: Environment): string {
  const raw = (clientName ?? '').toLowerCase()
  const known = BY_CLIENT_NAME.find(([part]) => raw.includes(part))
  if (known) return known[1]
  if (env.SLM_MESH_AGENT) return env.SLM_MESH_AGENT
  const own = raw
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32)
  if (!NAMELESS.has(own)) return own
  return BY_VARIABLE.find(([variable]) => env[variable])?.[1] ?? 'unknown'
}

/** Under what name a session's mailbox is kept. */
export const sessionKeyOf = (agentType: string, id: string): string => `${agentType}:${id.slice(0, 200)}`

/** The session's own id where the environment tells it. Only Claude Code's own variable, only for Claude Code. */
export function sessionFromEnvironment(agentType: string, env: Environment): string | undefined {
  const id = agentType === 'claude-code' ? env.CLAUDE_CODE_SESSION_ID : undefined
  return id ? sessionKeyOf(agentType, id) : undefined
}

/** Where each agent puts its session's id in a call's `_meta`. */
const SESSION_IN_META: ReadonlyMap<string, readonly string[]> = new Map([
  ['codex', ['threadId', 'sessionId']],
  ['antigravity', ['conversation_id']],
])

export function sessionFromCall(agentType: string, meta: Readonly<Record<string, unknown>> | undefined): string | undefined {
  for (const key of SESSION_IN_META.get(agentType) ?? []) {
    const id = meta?.[key]
    if (typeof id === 'string' && id !== '') return sessionKeyOf(agentType, id)
  }
  return undefined
}

/** The project: the client's first root that is a directory of this machine, else what the agent says, else where we were started. */
export function projectFrom(roots: readonly string[], env: Environment, cwd: string): string {
  for (const root of roots) {
    if (!root.startsWith('file:')) continue
    try {
      return fileURLToPath(root)
    } catch {
      // A host name or a malformed escape: not a directory of this machine.
    }
  }
  return env.CLAUDE_PROJECT_DIR || cwd
}
