import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import type { Environment } from '../core/config.ts'

/** Whether a program could be started from there: by its path, or by a name on the PATH. */
export function isRunnable(
  program: string,
  { env, platform, cwd }: { env: Environment; platform: NodeJS.Platform; cwd: string },
): boolean {
  const endings = platform === 'win32' ? ['', ...(env.PATHEXT ?? '.EXE;.CMD;.BAT').split(';')] : ['']
  const dirs = /[\\/]/.test(program) ? [isAbsolute(program) ? '' : cwd] : (env.PATH ?? '').split(delimiter)
  return dirs.some((dir) => endings.some((ending) => isExecutable((dir === '' ? program : join(dir, program)) + ending)))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
