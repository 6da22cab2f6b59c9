import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../../core/config.ts'

/** Whose configuration we look at, on what kind of machine, and in which project. */
export interface Home {
  readonly home: string
  /** The project. */
  readonly cwd: string
  readonly platform: NodeJS.Platform
  readonly env: Environment
}

/** The environment decides, as it does for the agents themselves; the account's own directory only where it says nothing. */
export const homeOf = (env: Environment, platform: NodeJS.Platform): string =>
  (platform === 'win32' ? env.USERPROFILE || env.HOME : env.HOME) || homedir()

/** Directories that many agents share conventions about. */
export function places({ home, cwd, platform, env }: Home) {
  const roaming = env.APPDATA || join(home, 'AppData', 'Roaming')
  const xdg = env.XDG_CONFIG_HOME || join(home, '.config')
  /** An application's own directory: three conventions. */
  const application = (name: string) =>
    platform === 'darwin'
      ? join(home, 'Library', 'Application Support', name)
      : platform === 'win32'
        ? join(roaming, name)
        : join(xdg, name)
  return {
    at: (...parts: string[]) => join(home, ...parts),
    here: (...parts: string[]) => join(cwd, ...parts),
    roaming,
    xdg,
    application,
    /** VS Code's folder of the user. */
    code: join(application('Code'), 'User'),
    /** Claude Code's directory, which its users may move. */
    claude: env.CLAUDE_CONFIG_DIR || join(home, '.claude'),
  }
}

/** Those that exist; where none does, the first. */
export const thereOrFirst = (files: readonly string[]): string[] => {
  const there = files.find((file) => existsSync(file))
  return there !== undefined ? [there] : files.slice(0, 1)
}
