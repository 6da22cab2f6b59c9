import { lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Place } from '../core/peers.ts'

/**
 * Which repository a directory belongs to, read from git's own files: no process is started. All worktrees of one
 * repository share one `repo`, its common git directory.
 */
export function placeOf(directory: string): Place {
  const projectPath = realpath(resolve(directory))
  for (let at = projectPath; ; at = dirname(at)) {
    const gitDir = gitDirOf(at)
    if (gitDir) return { projectPath, gitRoot: at, gitBranch: branchOf(gitDir), repo: commonDir(gitDir) }
    if (dirname(at) === at) return { projectPath, gitRoot: null, gitBranch: null, repo: null }
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

function commonDir(gitDir: string): string {
  const common = read(join(gitDir, 'commondir'))?.trim()
  return realpath(common ? resolve(gitDir, common) : gitDir)
}

/** The branch, or the first characters of a detached commit. */
function branchOf(gitDir: string): string | null {
  const head = read(join(gitDir, 'HEAD'))?.trim()
  return head === undefined ? null : head.startsWith('ref: refs/heads/') ? head.slice(16) : head.slice(0, 12) || null
}

const read = (path: string) => attempt(() => readFileSync(path, 'utf8'))
const realpath = (path: string) => attempt(() => realpathSync.native(path)) ?? path

function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined // not there, or not for us to see
  }
}
