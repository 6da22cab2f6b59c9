import { join } from 'node:path'
import { VARIABLES } from '../../core/config.ts'
import type { Agent, Wanted } from './agent.ts'
import { type Home, places } from './home.ts'
import { hookCommand, hookLists, objectOf } from './hooks.ts'
import { serverOf } from './start.ts'

const NAME = 'codex'
const AGENT = 'SLM_MESH_AGENT'

const dir = (home: Home) => home.env.CODEX_HOME || places(home).at('.codex')

const hook = (wanted: Wanted, event: string, matcher?: string) => [
  {
    ...(matcher !== undefined && { matcher }),
    hooks: [{ type: 'command', command: hookCommand(wanted, NAME, event, matcher !== undefined), timeout: 10 }],
  },
]

export const codex: Agent = {
  name: NAME,
  title: 'Codex',
  programs: ['codex'],
  dirs: (home) => [dir(home)],
  servers: {
    format: 'toml',
    key: 'mcp_servers',
    user: (home) => [join(dir(home), 'config.toml')],
    project: (home) => [places(home).here('.codex', 'config.toml')],
    // It gives servers an empty environment but for what is named here. `codex queue` needs to know its home.
    entry: (start, { platform }) => ({
      ...serverOf(start, platform),
      env_vars: ['CODEX_HOME', ...VARIABLES.filter((variable) => variable !== AGENT)],
      env: { [AGENT]: NAME },
    }),
  },
  hooks: {
    user: (home) => join(dir(home), 'hooks.json'),
    project: (home) => places(home).here('.codex', 'hooks.json'),
    pieces: (wanted) => [
      hookLists(wanted, NAME, {
        SessionStart: hook(wanted, 'SessionStart'),
        UserPromptSubmit: hook(wanted, 'UserPromptSubmit'),
        PreToolUse: hook(wanted, 'PreToolUse', 'apply_patch|Edit|Write|Bash'),
        PostToolUse: hook(wanted, 'PostToolUse'),
        Stop: hook(wanted, 'Stop'),
      }),
    ],
    trust: {
      file: (home) => join(dir(home), 'config.toml'),
      isGiven: (document, hooks) =>
        Object.keys(objectOf(objectOf(objectOf(document).hooks).state)).some((key) => key.includes(hooks)),
      how: 'type /hooks in Codex and trust those of slm-mesh',
    },
  },
  wake: 'codex queue',
  notes: ({ hooks }) => (hooks ? ['Codex runs new hooks only once you trust them: type /hooks in a session'] : []),
}
