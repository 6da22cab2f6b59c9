import { lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Repositories, read from git's own files: no process is started. */

export interface Repository {
  /** The top of the work tree. */
  readonly top: string
  readonly gitDir: string
  /** What all worktrees of one repository share. */
  readonly commonDir: string
}

/** The innermost repository around a directory, which need not exist. */
export function repositoryAround(directory: string): Repository | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const gitDir = gitDirOf(at)
    if (gitDir) return { top: at, gitDir, commonDir: commonDirOf(gitDir) }
    if (dirname(at) === at) return undefined
  }
}

/** `.git` is a directory, or in a worktree or submodule a file that names one. */
function gitDirOf(directory: string): string | undefined {
  const dotGit = join(directory, '.git')
  const stat = attempt(() => lstatSync(dotGit, { throwIfNoEntry: false }))
  if (stat?.isDirectory()) return read(join(dotGit, 'HEAD')) === undefined ? undefined : dotGit
  const target = stat?.isFile() ? /^gitdir: (.+)$/m.exec(read(dotGit) ?? '')?.[1] : undefined
  return target === undefined ? undefined : resolve(directory, target.trim())
}

function commonDirOf(gitDir: string): string {
  const common = read(join(gitDir, 'commondir'))?.trim()
  return realpath(common ? resolve(gitDir, common) : gitDir)
}

/** The branch, or the first characters of a detached commit. */
export function branchOf(gitDir: string): string | null {
  const head = read(join(gitDir, 'HEAD'))?.trim()
  return head === undefined ? null : head.startsWith('ref: refs/heads/') ? head.slice(16) : head.slice(0, 12) || null
}

export const realpath = (path: string) => attempt(() => realpathSync.native(path)) ?? path
export const read = (path: string) => attempt(() => readFileSync(path, 'utf8'))

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined // not there, or not for us to see
  }
}
