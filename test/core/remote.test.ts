import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nameIn, remoteName, repositoryName } from '../../src/core/remote.ts'
import { repositoryAround } from '../../src/core/repository.ts'
import { testDir } from '../support/data-dir.ts'
import { git } from '../support/repository.ts'

test.each([
  'git@github.com:Acme/Widgets.git',
  'github.com:acme/widgets',
  'ssh://git@github.com/acme/widgets.git',
  'ssh://git@github.com:22/acme/widgets/',
  'ssh://git@ssh.github.com:443/acme/widgets.git',
  'git+ssh://git@github.com/acme/widgets',
  'https://github.com/acme/widgets',
  'https://github.com/acme/widgets.git/',
  'https://someone:secret@github.com/acme//widgets.git',
  'https://x-access-token@GitHub.com:443/acme/widgets',
  'http://www.github.com/acme/widgets',
  'git://github.com/acme/widgets.git',
  'git@github.com:/acme/widgets.git',
  'https://github.com/acme/w%69dgets',
])('%s is one repository', (url) => expect(remoteName(url)).toBe('github.com/acme/widgets'))

test.each([
  ['git@ssh.dev.azure.com:v3/org/project/repo', 'https://org@dev.azure.com/org/project/_git/repo'],
  ['ssh://git@bitbucket.acme.com:7999/team/repo.git', 'https://bitbucket.acme.com/scm/team/repo.git'],
  ['me@acme.com:~me/repo.git', 'ssh://acme.com/~me/repo'],
  ['git@[2001:db8::1]:acme/repo', 'https://[2001:db8::1]:8443/acme/repo'],
])('%s and %s are one repository', (a, b) => {
  expect(remoteName(a)).toBeDefined()
  expect(remoteName(a)).toBe(remoteName(b))
})

test.each([
  '/srv/git/widgets.git',
  '../widgets',
  './with:colon',
  'file:///srv/git/widgets.git',
  'C:\\git\\widgets',
  'C:/git/widgets',
  'https://github.com/',
  '',
])('%j is of this machine, and no name that others have', (url) => expect(remoteName(url)).toBeUndefined())

test('the name does not tell who may read the repository', () => {
  expect(remoteName('https://user:t0ken@git.acme.com/a/b')).toBe('git.acme.com/a/b')
})

const remote = (name: string, url: string) =>
  `[remote "${name}"]\n\turl = ${url}\n\tfetch = +refs/heads/*:refs/remotes/${name}/*\n`

test.each([
  ['origin, whatever else there is', remote('upstream', 'a.com:x/y') + remote('origin', 'b.com:x/y'), 'b.com/x/y'],
  ['the only remote', remote('gitlab', 'a.com:x/y'), 'a.com/x/y'],
  ['none of several, which are in no order', remote('one', 'a.com:x/y') + remote('two', 'b.com:x/y'), undefined],
  ['what the user says', `${remote('origin', 'a.com:me/fork')}[slm-mesh]\n\trepo = Acme/Widgets\n`, 'acme/widgets'],
  ['not what cannot be a name', `${remote('origin', 'a.com:x/y')}[slm-mesh]\n\trepo = "what: ever"\n`, 'a.com/x/y'],
  ['the first of several URLs', '[remote "origin"]\nurl = a.com:x/y\nurl = b.com:x/y\n', 'a.com/x/y'],
  ['no remote', '[core]\n\tbare = false\n', undefined],
  ['a section in the old form, on one line, quoted, with a comment', '[remote.origin] URL = "a.com:x/y" ; here\r\n', 'a.com/x/y'],
  ['a line that goes on', '[remote "origin"]\n\turl = a.com:\\\nx/y\n', 'a.com/x/y'],
  ['no URL of a branch', '[branch "origin"]\n\turl = a.com:x/y\n', undefined],
])('of a configuration: %s', (_, config, name) => expect(nameIn(config)).toBe(name))

test('what git itself writes is read: a clone, its worktree and its submodule each have the name of their remote', () => {
  const dir = testDir()
  const [library, widgets, worktree] = ['library', 'widgets', 'worktree'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  for (const repository of [library, widgets]) {
    mkdirSync(repository, { recursive: true })
    git(repository, 'init', '-q')
    git(repository, 'commit', '-q', '--allow-empty', '-m', 'first')
  }
  git(widgets, '-c', 'protocol.file.allow=always', 'submodule', 'add', '-q', library, 'vendor/library')
  const sub = join(widgets, 'vendor/library')
  git(sub, 'remote', 'set-url', 'origin', 'git@github.com:acme/library.git')
  git(widgets, 'remote', 'add', 'origin', 'https://github.com/acme/widgets.git')
  git(widgets, 'worktree', 'add', '-q', worktree)

  const nameAt = (directory: string) => repositoryName(repositoryAround(directory)?.commonDir ?? '')
  expect(nameAt(widgets)).toBe('github.com/acme/widgets')
  expect(nameAt(join(worktree, 'not', 'yet'))).toBe('github.com/acme/widgets')
  expect(nameAt(sub)).toBe('github.com/acme/library')
  expect(nameAt(library)).toBeUndefined()
  git(widgets, 'config', 'slm-mesh.repo', 'acme/elsewhere')
  expect(nameAt(widgets)).toBe('acme/elsewhere')
})
