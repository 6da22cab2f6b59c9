import { join } from 'node:path'
import type { Agent, Lists, Wanted } from './agent.ts'
import { places } from './home.ts'
import { hookCommand, hookLists } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'claude-code'
const SERVER = 'slm-mesh'
const EDITS = 'Write|Edit|MultiEdit|NotebookEdit'
/** Seconds that an idle session waits for mail before it gives up: a day. */
const IDLE_S = 24 * 60 * 60
const PATIENCE_S = 10

/** Claude Code puts the value in its place, and nothing where there is none. */
const filledIn = (path: string) => `\${${path}}`

/** The server's name inside the plugin that the repository holds. */
export const PLUGIN_SERVER = `plugin:${SERVER}:${SERVER}`

/** Hooks that call our own server in the session's process, and one command that waits for mail while it is idle. */
export function claudeHooks(wanted: Wanted, server = SERVER): Lists {
  const call = (event: string, paths: Record<string, string> = {}) => ({
    type: 'mcp_tool',
    server,
    tool: 'mesh_hook',
    input: {
      event,
      ...paths,
      session: filledIn('session_id'),
      ...(event === 'PostToolUse' && { subagent: filledIn('agent_id') }),
      ...(wanted.autoLock && { lock: 'auto' }),
    },
    timeout: PATIENCE_S,
  })
  const paths = { file: filledIn('tool_input.file_path'), notebook: filledIn('tool_input.notebook_path') }
  const guard = { type: 'command', command: hookCommand(wanted, NAME, 'PreToolUse', true), timeout: PATIENCE_S }
  const start = { type: 'command', command: hookCommand(wanted, NAME, 'SessionStart'), timeout: PATIENCE_S }
  const idle = { type: 'command', command: hookCommand(wanted, NAME, 'idle'), asyncRewake: true, timeout: IDLE_S }
  return {
    // No server's tool can be called at this event, and Claude Code would complain of it at every start. A session that
    // starts has no peer yet, and its first prompt follows at once: only one that has forgotten what it knew asks here.
    SessionStart: [{ matcher: 'clear|compact', hooks: [start] }],
    UserPromptSubmit: [{ hooks: [call('UserPromptSubmit')] }],
    PreToolUse: [{ matcher: EDITS, hooks: [wanted.guard ? guard : call('PreToolUse', paths)] }],
    PostToolUse: [
      { matcher: EDITS, hooks: [call('PostToolUse', paths)] },
      // A tool that only reads has a file_path too: it must not be taken for an edit.
      { matcher: `^(?!(?:${EDITS})$)`, hooks: [call('PostToolUse')] },
    ],
    Stop: [{ hooks: [call('Stop'), idle] }],
  }
}

export const claudeCode: Agent = {
  name: NAME,
  title: 'Claude Code',
  programs: ['claude'],
  dirs: (home) => [places(home).claude],
  servers: {
    format: 'json',
    key: 'mcpServers',
    user: (home) => [home.env.CLAUDE_CONFIG_DIR ? join(places(home).claude, '.claude.json') : places(home).at('.claude.json')],
    project: (home) => [places(home).here('.mcp.json')],
    // Else its model is not told of our tools until it searches for some.
    entry: (start, { platform }) => ({ type: 'stdio', ...serverOf(start, platform), alwaysLoad: true }),
  },
  hooks: {
    user: (home) => join(places(home).claude, 'settings.json'),
    project: (home) => places(home).here('.claude', 'settings.json'),
    pieces: (wanted) => [hookLists(wanted, NAME, claudeHooks(wanted))],
  },
  notes: ({ hooks }) => [
    'its prompts are slash commands there: /mcp__slm-mesh__sync and others',
    ...(hooks ? ['hooks that call a server need Claude Code 2.1.118 or later'] : []),
  ],
}
