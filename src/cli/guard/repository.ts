import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { fail, MeshError } from '../../core/errors.ts'
import type { Desk } from '../command.ts'

/** A git repository as git itself sees it: its work tree, its hooks, and what a commit is about to record. */

export interface Repository {
  /** The top of the work tree. */
  readonly top: string
  readonly hooksDir: string
  /** Whether the hooks are this repository's own; others serve several repositories. */
  readonly hooksAreOwn: boolean
}

type Asking = Pick<Desk, 'cwd' | 'env' | 'signal'>

/** A listing of very many paths is long. */
const MAX_OUTPUT_BYTES = 1024 * 1024 * 1024

/** Throws `not_found` where there is no work tree. */
export async function repositoryAt(desk: Asking): Promise<Repository> {
  const top = await topOf(desk)
  // A relative core.hooksPath is meant from the top.
  const path = async (...words: string[]) => resolve(top, line(await git(desk, top, 'rev-parse', ...words)))
  const hooksDir = await path('--git-path', 'hooks')
  const commonDir = await path('--git-common-dir')
  return { top, hooksDir, hooksAreOwn: [top, commonDir].some((dir) => isWithin(hooksDir, dir)) }
}

/** Throws `not_found` where there is no work tree. */
export async function topOf(desk: Asking): Promise<string> {
  const top = await git(desk, desk.cwd, 'rev-parse', '--show-toplevel').catch((error: unknown) => {
    if (error instanceof MeshError) throw error
    throw fail('not_found', { what: 'git work tree at', id: desk.cwd }, { cause: error })
  })
  return line(top)
}

/**
 * The paths that the commit changes, from the top: both names of what is renamed, what is deleted, and submodules.
 * Git's own settings, and the index that it prepares for a part of the changes, come with the environment.
 */
export async function stagedPaths(desk: Asking, top: string): Promise<string[]> {
  const words = ['--cached', '--name-only', '-z', '--no-renames', '--no-ext-diff', '--ignore-submodules=none']
  const output = await git(desk, top, '-c', 'diff.relative=false', 'diff', ...words)
  return output.split('\0').filter((path) => path !== '')
}

function git(desk: Asking, cwd: string, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) =>
    execFile(
      'git',
      words,
      { cwd, env: { ...desk.env }, signal: desk.signal, maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true },
      (error, stdout) => {
        if (!error) resolve(stdout)
        else reject(error.code === 'ENOENT' ? fail('not_found', { what: 'program', id: 'git' }, { cause: error }) : error)
      },
    ),
  )
}

/** A path may end in anything but the line feed that git adds. */
const line = (output: string) => output.replace(/\r?\n$/, '')

function isWithin(path: string, directory: string): boolean {
  const inside = relative(real(directory), real(path))
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside)
}

const real = (path: string) => {
  try {
    return realpathSync.native(path)
  } catch {
    return path
  }
}
