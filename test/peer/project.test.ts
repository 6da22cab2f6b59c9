import { execFileSync } from 'node:child_process'
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { placeOf } from '../../src/peer/project.ts'
import { testDir } from '../support/data-dir.ts'
import { createRepository, git } from '../support/repository.ts'

test('a directory in a repository belongs to it, however deep', () => {
  const repository = createRepository()
  const deep = join(repository, 'src', 'deep')
  mkdirSync(deep, { recursive: true })
  const place = { gitRoot: repository, gitBranch: 'main', repo: join(repository, '.git') }
  expect(placeOf(repository)).toEqual({ projectPath: repository, ...place })
  expect(placeOf(deep)).toEqual({ projectPath: deep, ...place })
  expect(placeOf(join(deep, '..', 'deep/'))).toEqual({ projectPath: deep, ...place })
})

test('a directory outside any repository has none', () => {
  const directory = realpathSync(testDir())
  expect(placeOf(directory)).toEqual({ projectPath: directory, gitRoot: null, gitBranch: null, repo: null })
})

test('worktrees have roots and branches of their own and share the repository', () => {
  const repository = createRepository()
  const worktree = join(realpathSync(testDir()), 'worktree')
  git(repository, 'worktree', 'add', '-q', '-b', 'feature/parser', worktree)
  expect(placeOf(worktree)).toEqual({
    projectPath: worktree,
    gitRoot: worktree,
    gitBranch: 'feature/parser',
    repo: placeOf(repository).repo,
  })
})

test('a submodule is a repository of its own', () => {
  const library = createRepository()
  const repository = createRepository()
  git(repository, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'vendor/library')
  const inside = join(repository, 'vendor', 'library')
  const place = placeOf(inside)
  expect(place).toEqual({
    projectPath: inside,
    gitRoot: inside,
    gitBranch: 'main',
    repo: join(repository, '.git', 'modules', 'vendor', 'library'),
  })
  expect(place.repo).not.toBe(placeOf(repository).repo)
})

test('a detached head shows the beginning of its commit', () => {
  const repository = createRepository()
  git(repository, 'checkout', '-q', '--detach')
  const commit = git(repository, 'rev-parse', 'HEAD').trim()
  expect(placeOf(repository).gitBranch).toBe(commit.slice(0, 12))
})

test('a branch without a commit yet is known by its name', () => {
  const directory = realpathSync(testDir())
  execFileSync('git', ['init', '-q', '-b', 'trunk', directory])
  expect(placeOf(directory)).toMatchObject({ gitRoot: directory, gitBranch: 'trunk' })
})

test('a link to a directory is that directory', () => {
  const repository = createRepository()
  const link = join(testDir(), 'link')
  symlinkSync(repository, link)
  expect(placeOf(link)).toEqual(placeOf(repository))
})

test('what merely is called .git makes no repository, and hides none above it', () => {
  const repository = createRepository()
  for (const make of [
    (path: string) => mkdirSync(path),
    (path: string) => writeFileSync(path, 'not a pointer'),
    (path: string) => symlinkSync('/nowhere', path),
  ]) {
    const directory = join(repository, 'sub')
    mkdirSync(directory)
    make(join(directory, '.git'))
    expect(placeOf(directory)).toMatchObject({ projectPath: directory, gitRoot: repository })
    rmSync(directory, { recursive: true })
  }
})

test('a directory that does not exist has its path and what stands above it', () => {
  const repository = createRepository()
  const missing = join(repository, 'not', 'yet')
  expect(placeOf(missing)).toMatchObject({ projectPath: missing, gitRoot: repository, gitBranch: 'main' })
})
