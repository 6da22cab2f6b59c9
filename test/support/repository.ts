import { execFileSync } from 'node:child_process'
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { testDir } from './data-dir.ts'

const ENV = {
  PATH: process.env.PATH ?? '',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
}

export const git = (directory: string, ...args: string[]) =>
  execFileSync('git', args, { cwd: directory, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** A real git repository with one commit on `main`, and that remote; its real path. */
export function createRepository(remote?: string): string {
  const directory = join(realpathSync(testDir()), 'repository')
  mkdirSync(directory)
  git(directory, 'init', '-q', '-b', 'main')
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'first')
  if (remote !== undefined) git(directory, 'remote', 'add', 'origin', remote)
  return directory
}
