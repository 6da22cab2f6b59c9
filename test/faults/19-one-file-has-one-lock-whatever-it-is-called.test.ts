import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { pathKey } from '../../src/core/file-path.ts'
import { Agent } from '../support/agent.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { shared } from '../support/shared.ts'

/** One file, one lock: the holder names it one way, another process any other way. */

let root: string
let holder: Agent
let other: Agent
let checked = 0
let granted = 0

shared(async () => {
  root = realpathSync(testDir())
  for (const dir of ['project/src/deep', 'project/other', 'elsewhere']) mkdirSync(join(root, dir), { recursive: true })
  writeFileSync(join(root, 'project/src/a.ts'), '')
  writeFileSync(join(root, 'elsewhere/target.ts'), '')
  const dir = dataDir()
  ;[holder, other] = await Promise.all([
    Agent.start({ dir, cwd: join(root, 'project') }),
    Agent.start({ dir, cwd: join(root, 'project/src') }),
  ])
  return {
    async [Symbol.asyncDispose]() {
      await holder[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
    },
  }
})
// Each test gives back what it locked: none is to fail for another.
afterEach(async () => expect((await holder.call('lock.query', {})).locks).toEqual([]))
afterAll(() =>
  report(19, {
    load: 'two processes',
    injected: checked,
    doubleHolders: granted,
    more: 'other names of held files tried by another process',
  }),
)

/** While `held` is locked by the one, every one of `names` is refused to the other, and free again afterwards. */
async function sameFile(held: string, ...names: string[]): Promise<void> {
  const { lock } = await holder.call('lock.acquire', { filePath: held })
  for (const filePath of names) {
    checked++
    const attempt = other.call('lock.acquire', { filePath })
    attempt.then(
      () => granted++,
      () => {},
    )
    await expect(attempt, filePath).rejects.toMatchObject({
      code: 'locked',
      facts: { conflicts: [{ filePath: lock?.filePath, kind: 'held' }] },
    })
    expect((await other.call('lock.query', { filePath })).locks.map((l) => l.token)).toEqual([lock?.token])
  }
  await holder.call('lock.release', { filePath: held })
  for (const filePath of names) {
    await other.call('lock.acquire', { filePath })
    await other.call('lock.release', { filePath })
  }
}

describe('one file has one lock', () => {
  test('relative names are taken against the project of who asks', async () => {
    await sameFile('src/a.ts', 'a.ts', './a.ts', '../src/a.ts', join(root, 'project/src/a.ts'))
  })

  test('dots, doubled and trailing slashes mean nothing', async () => {
    const { lock } = await holder.call('lock.acquire', { filePath: 'src/deep/../a.ts' })
    expect(lock?.filePath).toBe(join(root, 'project/src/a.ts'))
    await holder.call('lock.release', { filePath: join(root, '/project//src///./a.ts') })
    await sameFile('src/deep', 'deep/', './deep/.', 'deep//', `${root}/project/src/deep/../../src/deep/`)
  })

  test('more `..` than there are directories end at the root', async () => {
    await sameFile('src/a.ts', `${'../'.repeat(60)}${root.slice(1)}/project/src/a.ts`)
  })

  test('symbolic links to files and directories, relative, absolute and chained, are followed', async () => {
    symlinkSync(join(root, 'elsewhere/target.ts'), join(root, 'project/src/to-file'))
    symlinkSync('to-file', join(root, 'project/src/chained'))
    symlinkSync('../../elsewhere', join(root, 'project/src/to-dir'))
    await sameFile(join(root, 'elsewhere/target.ts'), 'to-file', 'chained', 'to-dir/target.ts', 'to-dir//target.ts/')
    await sameFile('src/to-dir/new.ts', join(root, 'elsewhere/new.ts'))
  })

  test('a dangling link is its target, before and after the target exists', async () => {
    symlinkSync(join(root, 'elsewhere/later.ts'), join(root, 'project/src/dangling'))
    symlinkSync('dangling', join(root, 'project/src/dangling-too'))
    symlinkSync(join(root, 'elsewhere/later-dir'), join(root, 'project/src/dangling-dir'))
    await sameFile('src/dangling', join(root, 'elsewhere/later.ts'), 'dangling-too')
    await sameFile('src/dangling-dir/deep/x.ts', join(root, 'elsewhere/later-dir/deep/x.ts'))
    await holder.call('lock.acquire', { filePath: 'src/dangling' })
    writeFileSync(join(root, 'elsewhere/later.ts'), '')
    for (const filePath of ['dangling', 'dangling-too', join(root, 'elsewhere/later.ts')])
      await expect(other.call('lock.acquire', { filePath }), filePath).rejects.toMatchObject({ code: 'locked' })
    await holder.call('lock.release', { filePath: join(root, 'elsewhere/later.ts') })
  })

  test('a loop of links, and a name that no file system takes, are refused and change nothing', async () => {
    symlinkSync('loop-b', join(root, 'project/loop-a'))
    symlinkSync('loop-a', join(root, 'project/loop-b'))
    symlinkSync('self', join(root, 'project/self'))
    symlinkSync('missing/../through', join(root, 'project/through'))
    const bad = ['loop-a', 'loop-b/x.ts', 'self', 'self/self', 'through', 'x'.repeat(300)]
    for (const filePath of bad) {
      const refused = await holder.call('lock.acquire', { filePath: ['src/a.ts', filePath] }).catch((error) => error)
      expect(refused, filePath).toMatchObject({ code: 'invalid' })
    }
    expect((await holder.call('lock.query', {})).locks).toEqual([])
  })

  test('a file that does not exist yet keeps its lock when it is created, replaced and deleted', async () => {
    const path = join(root, 'project/other/new/file.ts')
    await holder.call('lock.acquire', { filePath: 'other/new/file.ts' })
    const refused = () => expect(other.call('lock.acquire', { filePath: path })).rejects.toMatchObject({ code: 'locked' })
    await refused()
    mkdirSync(join(root, 'project/other/new'))
    writeFileSync(path, '1')
    await refused()
    writeFileSync(`${path}.tmp`, '2')
    renameSync(`${path}.tmp`, path)
    await refused()
    rmSync(join(root, 'project/other/new'), { recursive: true })
    await refused()
    await holder.call('lock.release', { filePath: path })
  })

  test('composed and decomposed Unicode are one name', async () => {
    await sameFile('src/Größe-한글.ts'.normalize('NFC'), 'Größe-한글.ts'.normalize('NFD'))
    await sameFile('src/é/x'.normalize('NFD'), 'é/x'.normalize('NFC'))
  })

  test('a directory above a held file, and a file below a held directory, are held; a neighbour is not', async () => {
    await sameFile('src/deep/x.ts', 'deep', '.', '..', root, '/')
    await sameFile('src', 'a.ts', 'deep/not/there/yet.ts', '../src')
    await holder.call('lock.acquire', { filePath: 'src' })
    for (const filePath of ['../src2', '../src-x', '../src.ts', '../sr', '../other/src']) {
      await other.call('lock.acquire', { filePath })
      await other.call('lock.release', { filePath })
    }
    await holder.call('lock.release', { filePath: 'src' })
  })

  test('links that look like another case of a name do not make two files of one', async () => {
    mkdirSync(join(root, 'project/src/Dir'))
    symlinkSync('Dir', join(root, 'project/src/dIR'))
    await holder.call('lock.acquire', { filePath: 'src/Dir/New.ts' })
    writeFileSync(join(root, 'project/src/Dir/New.ts'), '')
    for (const filePath of ['Dir/New.ts', 'dIR/New.ts'])
      await expect(other.call('lock.acquire', { filePath }), filePath).rejects.toMatchObject({ code: 'locked' })
    await holder.call('lock.release', { filePath: 'src/Dir/New.ts' })
    linkSync(join(root, 'project/src/Dir/New.ts'), join(root, 'project/src/Dir/nEW.TS'))
    await sameFile('src/Dir', 'Dir/New.ts', 'Dir/nEW.TS')
  })

  test('two names of one file in one call are one lock', async () => {
    const names = ['src/a.ts', './src/a.ts', join(root, 'project/src/a.ts'), 'src/../src/a.ts']
    expect((await holder.call('lock.acquire', { filePath: names })).locks).toHaveLength(1)
    await holder.call('lock.release', { filePath: names })
    expect((await holder.call('lock.query', {})).locks).toEqual([])
  })
})

test('names that differ in case are one file where the file system says so, and two where it does not', async () => {
  const upper = join(root, 'project/src/Upper.ts')
  writeFileSync(upper, '')
  const folds = existsSync(join(root, 'project/src/uPPER.TS'))
  await holder.call('lock.acquire', { filePath: 'src/Upper.ts' })
  const tried = other.call('lock.acquire', { filePath: 'uPPER.TS' })
  if (folds) await expect(tried).rejects.toMatchObject({ code: 'locked' })
  else await other.call('lock.release', { filePath: (await tried).lock?.filePath ?? '' })
  await holder.call('lock.release', { filePath: 'src/Upper.ts' })
})

test('folding makes one key of every spelling, also where upper and lower case are not one to one', () => {
  const key = (path: string, separator = '/') => pathKey(path, { folds: true, separator })
  for (const [a, b] of [
    ['/Src/FILE.ts', '/src/file.TS'],
    ['/ΟΔΟΣ', '/οδοσ'],
    ['/ΟΔΟΣ', '/οδος'],
    ['/Ǆ', '/ǆ'],
    ['/É'.normalize('NFD'), '/é'.normalize('NFC')],
    ['/\u212a', '/k'],
  ] as const)
    expect(key(a), a).toBe(key(b))
  expect(key('C:\\Users\\Me\\', '\\')).toBe(key('c:\\users\\me', '\\'))
  expect(key('/a/b')).not.toBe(key('/a/c'))
})

test('the same file of a repository in another worktree is granted, with a warning that names who, where and why', async () => {
  const main = join(root, 'repo')
  const tree = join(root, 'tree')
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { cwd: main })
  mkdirSync(join(main, 'lib'), { recursive: true })
  writeFileSync(join(main, 'lib/x.ts'), '')
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-q', '-m', 'first', '--no-gpg-sign')
  git('worktree', 'add', '-q', '-b', 'feature', tree)
  const dir = holder.dir
  await using inMain = await Agent.start({ dir, cwd: main })
  await using inTree = await Agent.start({ dir, cwd: join(tree, 'lib') })
  await inMain.call('lock.acquire', { filePath: 'lib/x.ts', reason: 'new signature' })
  const { lock, warnings } = await inTree.call('lock.acquire', { filePath: 'x.ts' })
  expect(lock?.filePath).toBe(join(tree, 'lib/x.ts'))
  expect(warnings).toHaveLength(1)
  for (const part of [await inMain.name(), join(main, 'lib/x.ts'), 'new signature']) expect(warnings?.[0]).toContain(part)
  // Another file of the worktree, and the same name in no repository, are nobody else's business.
  expect((await inTree.call('lock.acquire', { filePath: 'y.ts' })).warnings).toBeUndefined()
  expect((await other.call('lock.acquire', { filePath: join(root, 'lib/x.ts') })).warnings).toBeUndefined()
  await other.call('lock.release', { filePath: join(root, 'lib/x.ts') })
})
