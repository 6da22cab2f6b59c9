import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keysAbove } from '../../../src/core/file-path.ts'
import { createEditing } from '../../../src/peer/editing.ts'
import { twoMachines } from '../../support/two-machines.ts'

test('a file of a repository has one lock, in whatever clone of whatever machine, and each is shown its own path', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const [here, there] = [laptop.clone('home/ann/widgets'), buildbox.clone('srv/w')]
  const ann = await laptop.join(here)
  const bob = await buildbox.join(join(there, 'src'))
  const { lock } = await laptop.caller(ann)('lock.acquire', { filePath: 'src/a.ts', reason: 'mine' })
  expect(lock).toMatchObject({ filePath: join(here, 'src/a.ts') })
  expect(lock).not.toHaveProperty('host')

  await expect(buildbox.caller(bob)('lock.acquire', { filePath: 'a.ts' })).rejects.toMatchObject({
    code: 'locked',
    message: expect.stringMatching(/srv\/w\/src\/a\.ts" is locked by .* on "laptop" until/),
    facts: { conflicts: [{ filePath: join(there, 'src/a.ts'), host: 'laptop', holder: { id: ann.id } }] },
  })
  // A directory covers what is below it, in any clone.
  await expect(buildbox.caller(bob)('lock.acquire', { filePath: there })).rejects.toMatchObject({ code: 'locked' })
  expect((await buildbox.caller(bob)('lock.query', {})).locks).toMatchObject([
    { filePath: join(there, 'src/a.ts'), lockedBy: { id: ann.id }, host: 'laptop', reason: 'mine' },
  ])
  expect(await buildbox.store.oversight.locks()).toMatchObject([{ filePath: join(there, 'src/a.ts'), host: 'laptop' }])

  await laptop.caller(ann)('lock.release', { filePath: 'src/a.ts' })
  const granted = await buildbox.caller(bob)('lock.acquire', { filePath: 'a.ts' })
  expect(granted.lock?.token).toBeGreaterThan(lock?.token ?? Number.POSITIVE_INFINITY)
})

test('two worktrees of one machine are two clones, too', async () => {
  await using hosts = await twoMachines()
  const { laptop } = hosts
  const [one, two] = [laptop.clone('one'), laptop.clone('two')]
  const [ann, bob] = [await laptop.join(one), await laptop.join(two)]
  await laptop.caller(ann)('lock.acquire', { filePath: 'a' })
  await expect(laptop.caller(bob)('lock.acquire', { filePath: 'a' })).rejects.toMatchObject({
    facts: { conflicts: [{ filePath: join(two, 'a') }] },
  })
  expect((await laptop.caller(ann)('lock.query', {})).locks).toMatchObject([{ filePath: join(one, 'a') }])
})

test('a file outside any repository is one of its machine, and is shown with the name of it', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const ann = await laptop.join(laptop.disk)
  const bob = await buildbox.join(buildbox.disk)
  await laptop.caller(ann)('lock.acquire', { filePath: '/etc/hosts' })
  await buildbox.caller(bob)('lock.acquire', { filePath: '/etc/hosts' })
  const { locks } = await buildbox.caller(bob)('lock.query', {})
  expect(locks.map(({ filePath, host }) => [filePath, host])).toEqual([
    ['laptop:/etc/hosts', 'laptop'],
    ['/etc/hosts', undefined],
  ])
})

test('a lock of a machine whose repository one does not have is found, and taken away, by the path that is shown', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const clone = laptop.clone('widgets')
  const ann = await laptop.join(clone)
  await laptop.caller(ann)('lock.acquire', { filePath: 'a' })
  const person = { id: 'cli', name: 'cli', agentType: 'human', projectPath: buildbox.disk, gitRoot: null, repo: null }
  const [lock] = (await buildbox.caller(person)('lock.query', {})).locks
  expect(lock?.filePath).toBe(`laptop:${join(clone, 'a')}`)
  const filePath = lock?.filePath ?? ''
  expect((await buildbox.caller(person)('lock.query', { filePath })).locks).toEqual([lock])
  await expect(buildbox.caller(person)('lock.release', { filePath })).rejects.toMatchObject({ code: 'not_holder' })
  expect(await buildbox.caller(person)('lock.release', { filePath, force: true })).toEqual({ lock })
  expect((await laptop.caller(ann)('lock.query', {})).locks).toEqual([])
})

test('once somebody works in a clone on this machine, all of it is shown there', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const ann = await laptop.join(laptop.clone('widgets'))
  await laptop.caller(ann)('lock.acquire', { filePath: 'a' })
  const there = buildbox.clone('w')
  await buildbox.join(there)
  expect(await buildbox.store.oversight.locks()).toMatchObject([{ filePath: join(there, 'a') }])
})

test('shells of two machines are two holders, though all are called cli', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const cli = (projectPath: string) => ({ id: 'cli', name: 'cli', agentType: 'human', projectPath, gitRoot: null, repo: null })
  const [one, two] = [laptop.caller(cli(laptop.clone('w'))), buildbox.caller(cli(buildbox.clone('w')))]
  await one('lock.acquire', { filePath: 'a' })
  await expect(two('lock.acquire', { filePath: 'a' })).rejects.toMatchObject({ code: 'locked' })
  await expect(two('lock.release', { filePath: 'a' })).rejects.toMatchObject({ code: 'not_holder' })
  await one('lock.acquire', { filePath: 'a' })
  await one('lock.release', { filePath: 'a' })
})

test('a lock on a directory covers the repositories below it, on its machine', async () => {
  await using hosts = await twoMachines()
  const { laptop } = hosts
  const outer = await laptop.join(laptop.disk)
  const inner = await laptop.join(laptop.clone('projects/widgets'))
  const [above, below] = [laptop.caller(outer), laptop.caller(inner)]
  await above('lock.acquire', { filePath: 'projects' })
  await expect(below('lock.acquire', { filePath: 'a' })).rejects.toMatchObject({ code: 'locked' })
  await above('lock.release', { filePath: 'projects' })
  await below('lock.acquire', { filePath: 'a' })
  await expect(above('lock.acquire', { filePath: 'projects' })).rejects.toMatchObject({ code: 'locked' })
  expect((await above('lock.query', { filePath: 'projects' })).locks).toHaveLength(1)
})

test('an event names the path as it is on the machine that reads it', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const ann = await laptop.join(laptop.clone('one'))
  const there = buildbox.clone('two')
  const bob = await buildbox.join(there)
  await laptop.caller(ann)('lock.acquire', { filePath: 'a' })
  await laptop.caller(ann)('lock.release', { filePath: 'a' })
  const { events } = await buildbox.caller(bob)('event.read', { types: ['file_locked', 'file_unlocked'] })
  expect(events.map(({ payload }) => [payload.filePath, payload.host, payload.at])).toEqual([
    [join(there, 'a'), 'laptop', undefined],
    [join(there, 'a'), 'laptop', undefined],
  ])
})

test('agents on two machines that write one file of a repository are both told, and where the other one stands', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const [here, there] = [laptop.clone('one'), buildbox.clone('two')]
  const [ann, bob] = [await laptop.join(here), await buildbox.join(there)]
  const editing = (host: typeof laptop, actor: typeof ann) =>
    createEditing({ store: host.store, clock: host.clock, self: () => actor, lockTtlMinutes: 10 })
  const [anns, bobs] = [editing(laptop, ann), editing(buildbox, bob)]
  await anns.after(['README.md'])
  expect(await bobs.after(['readme.md'])).toMatchObject([
    { filePath: join(there, 'readme.md'), peer: { id: ann.id }, elsewhere: `laptop:${join(here, 'README.md')}` },
  ])
  expect(await anns.collisions()).toMatchObject([
    { filePath: join(here, 'README.md'), peer: { id: bob.id }, elsewhere: `buildbox:${join(there, 'readme.md')}` },
  ])

  // Auto-lock takes the one lock, and is refused it.
  expect(await anns.before(['a'], { autoLock: true })).toMatchObject({ took: [join(here, 'a')] })
  expect(await bobs.before(['a'], { autoLock: true })).toMatchObject({
    refused: [{ filePath: join(there, 'a'), host: 'laptop' }],
  })
})

test('who waits for a file that changes on another machine is shown it in its own clone', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const [here, there] = [laptop.clone('one'), buildbox.clone('two')]
  const [ann, bob] = [await laptop.join(here), await buildbox.join(there)]
  await laptop.caller(ann)('lock.acquire', { filePath: 'a' })
  const path = buildbox.store.paths.locate('a', bob)
  await buildbox.store.locks.acquire(bob, { paths: [path], reason: '', ttlMs: 60_000, ticket: null }, 60_000)
  const changed = laptop.store.paths.locate(join(here, 'a'), { projectPath: '', gitRoot: null, repo: null })
  await laptop.store.edits.changed(ann, [{ path: changed, change: 'change', byHolder: true }])
  expect(await buildbox.store.edits.changes(bob.id)).toMatchObject([{ filePath: join(there, 'a'), holder: { id: ann.id } }])
})

test('peers say on which machine they are; a scope is the mesh, this machine, this directory of it, or the repository', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const [here, there] = [laptop.clone('one'), buildbox.clone('two')]
  const ann = await laptop.join(here)
  const lou = await laptop.join(laptop.disk)
  const bob = await buildbox.join(there)
  const seen = async (scope?: 'mesh' | 'machine' | 'directory' | 'repo') =>
    (await laptop.caller(ann)('peer.list', scope ? { scope } : {})).peers.map(({ name, host }) => [name, host])
  const [lous, bobs] = [
    [lou.name, 'laptop'],
    [bob.name, 'buildbox'],
  ]
  expect(await seen()).toEqual(expect.arrayContaining([lous, bobs]))
  expect(await seen('mesh')).toHaveLength(2)
  expect(await seen('machine')).toEqual([lous])
  expect(await seen('directory')).toEqual([])
  expect(await seen('repo')).toEqual([bobs])
})

test('a session takes up no mailbox of another machine, though its directory is called the same', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const ann = await laptop.join('/')
  await laptop.store.peers.end(ann.id, 'left', '/aaaa/1')
  expect((await buildbox.join('/')).id).not.toBe(ann.id)
  expect((await laptop.join('/')).id).toBe(ann.id)
})

test('two clones agree on the key of every path, whatever is above it is above its key', async () => {
  await using hosts = await twoMachines()
  const { laptop, buildbox } = hosts
  const [here, there] = [laptop.clone('a/b'), buildbox.clone('c')]
  const name = fc.constantFrom('src', 'SRC', 'ß', 'é', 'é', 'a b', '..x', 'node_modules', '-')
  const path = fc.array(name, { minLength: 0, maxLength: 4 }).map((names) => names.join('/'))
  const nowhere = { projectPath: '', gitRoot: null, repo: null }
  const keyHere = (inside: string) => laptop.store.paths.locate(join(here, inside), nowhere).key
  const keyThere = (inside: string) => buildbox.store.paths.locate(join(there, inside), nowhere).key
  await fc.assert(
    fc.asyncProperty(path, path, async (one, other) => {
      expect(keyHere(one)).toBe(keyThere(one))
      expect(keyHere(one).startsWith('github.com/acme/widgets')).toBe(true)
      if (other === '') return
      expect(keysAbove(keyThere(one === '' ? other : `${one}/${other}`))).toContain(keyHere(one))
    }),
    { numRuns: 100 },
  )
})

test('nested: a submodule is a repository of its own, and a repository without a remote has files of its machine', async () => {
  await using hosts = await twoMachines()
  const { laptop } = hosts
  const outer = laptop.clone('outer')
  mkdirSync(join(outer, 'inner/.git'), { recursive: true })
  writeFileSync(join(outer, 'inner/.git/HEAD'), 'ref: refs/heads/main\n')
  const locate = (path: string) => laptop.store.paths.locate(join(outer, path), { projectPath: '', gitRoot: null, repo: null })
  const inner = locate('inner/a')
  expect(inner.key.startsWith('aaaa:/')).toBe(true)
  expect(inner).toMatchObject({ repo: `aaaa:${join(outer, 'inner/.git')}`, repoPath: 'a' })
  writeFileSync(join(outer, 'inner/.git/config'), '[remote "origin"]\n\turl = https://git.acme.com/lib.git\n')
  expect(locate('inner/a')).toMatchObject({ key: 'git.acme.com/lib/a', repo: 'git.acme.com/lib', repoPath: 'a' })
  expect(locate('inner')).toMatchObject({ key: 'git.acme.com/lib', repoPath: '.' })
  expect(locate('b')).toMatchObject({ key: 'github.com/acme/widgets/b' })
})
