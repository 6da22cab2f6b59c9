import { accessSync, constants, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { Environment } from '../../core/config.ts'
import { misused } from '../command.ts'

/** How slm-mesh is started by an agent. */
export interface Start {
  readonly words: readonly string[]
}

interface Where {
  readonly program: string
  readonly env: Environment
  readonly platform: NodeJS.Platform
}

/**
 * By its name where it is installed as such, through npx where npx has brought it, else by its path. `npx` costs a few
 * tenths of a second at every hook: an installed program is called without it.
 */
export function startOf(where: Where, command?: string): Start {
  if (command !== undefined) return { words: wordsOf(command) }
  const path = where.program.replaceAll('\\', '/')
  if (path.includes('/_npx/')) return { words: ['npx', '-y', 'slm-mesh'] }
  if (!path.includes('/node_modules/slm-mesh/')) return { words: ['node', where.program] }
  return { words: isOnPath(where) ? ['slm-mesh'] : ['npx', '-y', 'slm-mesh'] }
}

/** The first `slm-mesh` on the PATH is this very program. */
function isOnPath({ program, env, platform }: Where): boolean {
  if (platform === 'win32') return false
  for (const dir of (env.PATH ?? '').split(delimiter)) {
    const path = join(dir, 'slm-mesh')
    try {
      accessSync(path, constants.X_OK)
      return realpathSync(path) === realpathSync(program)
    } catch {
      // Not in this one.
    }
  }
  return false
}

/** A command line as its words; quotes keep spaces. */
function wordsOf(command: string): string[] {
  const words = [...command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/["']/g, ''))
  if (words.length === 0) throw misused('--command is empty')
  // It is by its name that ours is recognised later.
  if (!words.some((word) => word.includes('slm-mesh')))
    throw misused(`--command must name slm-mesh, so that what is written can be found again: ${command}`)
  return words
}

/** The MCP server's command and arguments. Windows runs `npx`, which is a script there, only through its shell. */
export function serverOf({ words }: Start, platform: NodeJS.Platform): { command: string; args: string[] } {
  const [command = '', ...args] = platform === 'win32' && words[0] !== 'node' ? ['cmd', '/c', ...words] : words
  return { command, args: [...args, 'mcp'] }
}

/** The same for an application that knows no PATH: Node by its full path. */
export function bareServerOf(start: Start, execPath: string): { command: string; args: string[]; env?: Record<string, string> } {
  const [command = '', ...args] = start.words
  if (command === 'node') return { command: execPath, args: [...args, 'mcp'] }
  const dir = dirname(execPath)
  return {
    command: /[\\/]/.test(command) ? command : join(dir, command),
    args: [...args, 'mcp'],
    // npm's scripts ask the PATH for Node.
    env: { PATH: [dir, '/usr/local/bin', '/usr/bin', '/bin', '/usr/sbin', '/sbin'].join(':') },
  }
}

/** A command line for the shell that the agent runs hooks with. */
export const shellLine = (words: readonly string[], platform: NodeJS.Platform): string =>
  words.map((word) => quoted(platform === 'win32' ? word.replaceAll('\\', '/') : word, platform)).join(' ')

const quoted = (word: string, platform: NodeJS.Platform) =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : platform === 'win32' ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`
