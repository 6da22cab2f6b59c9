import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Actor } from '../../src/core/operation.ts'
import { pruneEdits } from '../../src/core/retention.ts'
import { createEditing, type Editing } from '../../src/peer/editing.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'
import { testDir } from '../support/data-dir.ts'
import { createRepository, git } from '../support/repository.ts'

/** What an agent's hooks lead to, on the real file: refusals, locks for a turn, and word of who else writes there. */

let bare: BareStore
let otter: Actor
let fox: Actor
let otterEdits: Editing
let foxEdits: Editing

const editingOf = (actor: Actor) => createEditing({ store: bare.store, clock: bare.clock, self: () => actor, lockTtlMinutes: 10 })
const held = async () => (await bare.caller(otter)('lock.query', {})).locks.map((l) => [l.filePath, l.lockedBy.name, l.reason])

beforeEach(async () => {
  bare = await bareStore()
  otter = await bare.join({ name: 'otter' })
  fox = await bare.join({ name: 'fox' })
  otterEdits = editingOf(otter)
  foxEdits = editingOf(fox)
})
afterEach(() => bare[Symbol.asyncDispose]())

describe('before an edit', () => {
  test('a path that another holds, itself or a directory above it, is refused with who, why and until when', async () => {
    await bare.caller(otter)('lock.acquire', { filePath: ['/project/src', '/project/a'], reason: 'moving it' })
    const { refused, took } = await foxEdits.before(['src/deep/x.ts', '/project/b', 'a'], { autoLock: true })
    expect(refused).toMatchObject([
      { filePath: '/project/src', holder: { name: 'otter' }, reason: 'moving it', kind: 'held' },
      { filePath: '/project/a', holder: { name: 'otter' } },
    ])
    expect(took).toEqual([])
    // A refusal takes nothing, not even what was free.
    expect((await held()).map(([path]) => path)).toEqual(['/project/a', '/project/src'])
    expect(await otterEdits.before(['src/deep/x.ts'], {})).toEqual({ took: [], elsewhere: [] })
    bare.clock.pass(11 * 60_000)
    expect(await foxEdits.before(['src/deep/x.ts'], {})).toEqual({ took: [], elsewhere: [] })
  })

  test('who merely waits in line refuses nobody, and is passed by nobody', async () => {
    await bare.caller(otter)('lock.acquire', { filePath: '/project/a' })
    const paths = [{ filePath: '/project/a', key: '/project/a', repo: null, repoPath: null }]
    await bare.store.locks.acquire(fox, { paths, reason: '', ttlMs: 1000, ticket: null }, 60_000)
    await bare.caller(otter)('lock.release', { filePath: '/project/a' })
    // fox is rung, and will have it; until it has, otter may write, and takes nothing.
    expect(await otterEdits.before(['a'], { autoLock: true })).toEqual({ took: [], elsewhere: [] })
    expect(await held()).toEqual([])
  })

  test('the path that is written counts, whatever it is called and wherever the agent stands', async () => {
    const root = realpathSync(testDir())
    mkdirSync(join(root, 'real'))
    writeFileSync(join(root, 'real/file'), '')
    symlinkSync(join(root, 'real'), join(root, 'link'))
    await bare.caller(otter)('lock.acquire', { filePath: join(root, 'real/file') })
    for (const [path, cwd] of [
      ['../link/./file', join(root, 'real')],
      ['file', join(root, 'link')],
      [join(root, 'link/file'), undefined],
    ] as const)
      expect((await foxEdits.before([path], { cwd })).refused, path).toHaveLength(1)
    symlinkSync('loop', join(root, 'loop'))
    expect(await foxEdits.before([join(root, 'loop')], { autoLock: true })).toEqual({ took: [], elsewhere: [] })
  })
})

describe('with auto-lock', () => {
  test('the first edit takes the lock, later ones renew it, the end of the turn gives back exactly that', async () => {
    await bare.caller(otter)('lock.acquire', { filePath: '/project/mine', reason: 'asked for', ttlMinutes: 60 })
    expect((await otterEdits.before(['a', './a', 'mine', 'mine/below'], { autoLock: true })).took).toEqual(['/project/a'])
    expect(await held()).toEqual([
      ['/project/a', 'otter', 'editing'],
      ['/project/mine', 'otter', 'asked for'],
    ])
    const [first] = (await bare.caller(otter)('lock.query', {})).locks
    bare.clock.pass(9 * 60_000)
    expect((await otterEdits.before(['a'], { autoLock: true })).took).toEqual([])
    bare.clock.pass(9 * 60_000)
    const [now, mine] = (await bare.caller(otter)('lock.query', {})).locks
    expect(now?.token).toBe(first?.token)
    expect(now?.expiresAt).not.toBe(first?.expiresAt)
    expect(mine?.reason).toBe('asked for')
    expect((await foxEdits.before(['a'], { autoLock: true })).refused).toMatchObject([{ reason: 'editing' }])
    expect(await otterEdits.turnEnded()).toBe(1)
    expect(await otterEdits.turnEnded()).toBe(0)
    expect(await held()).toEqual([['/project/mine', 'otter', 'asked for']])
  })

  test('what the agent asks for itself after a hook took it is its own, and stays', async () => {
    await otterEdits.before(['a', 'b'], { autoLock: true })
    await bare.caller(otter)('lock.acquire', { filePath: '/project/a', reason: 'for longer' })
    await otterEdits.turnEnded()
    expect(await held()).toEqual([['/project/a', 'otter', 'for longer']])
  })

  test('what was given up, or taken away, and is held by another by then, is not given back', async () => {
    await otterEdits.before(['a', 'b'], { autoLock: true })
    await bare.caller(otter)('lock.release', { filePath: '/project/a' })
    await foxEdits.before(['a'], { autoLock: true })
    await otterEdits.turnEnded()
    expect(await held()).toEqual([['/project/a', 'fox', 'editing']])
  })

  test('the end of a turn gives back what an edit is taking at that very moment', async () => {
    const [, ended] = await Promise.all([otterEdits.before(['a'], { autoLock: true }), otterEdits.turnEnded()])
    expect(ended).toBe(1)
    expect(await held()).toEqual([])
  })
})

describe('two agents that write one file within half a minute', () => {
  test('are both told, once each, without locks; and again at the next encounter', async () => {
    expect(await otterEdits.after(['x'])).toEqual([])
    bare.clock.pass(20_000)
    bare.rung.length = 0
    const told = await foxEdits.after(['x', 'y'])
    expect(told).toMatchObject([{ filePath: '/project/x', peer: { id: otter.id, name: 'otter' }, elsewhere: null }])
    expect(bare.rung).toContain(otter.id)
    // Being told: nobody else is given it. Not having left, it is told again; once it has, no more.
    expect(await foxEdits.collisions()).toEqual([])
    await foxEdits.settle(told, false)
    const again = await foxEdits.collisions()
    expect(again).toEqual(told)
    await foxEdits.settle(again, true)
    const others = await otterEdits.collisions()
    expect(others).toMatchObject([{ filePath: '/project/x', peer: { name: 'fox' } }])
    await otterEdits.settle(others, true)
    for (let i = 0; i < 5; i++) {
      bare.clock.pass(20_000)
      expect(await (i % 2 ? foxEdits : otterEdits).after(['x'])).toEqual([])
    }
    bare.clock.pass(31_000)
    expect(await otterEdits.after(['x'])).toEqual([])
    bare.clock.jump(86_400_000)
    bare.clock.pass(1_000)
    expect(await foxEdits.after(['x'])).toMatchObject([{ peer: { name: 'otter' } }])
    expect(await otterEdits.collisions()).toHaveLength(1)
  })

  test('one agent alone, or two that are half a minute apart, meet nobody', async () => {
    await otterEdits.after(['x'])
    await otterEdits.after(['x'])
    bare.clock.pass(30_001)
    expect(await foxEdits.after(['x'])).toEqual([])
    expect(await otterEdits.collisions()).toEqual([])
  })

  test('in two worktrees of one repository are told that it is the same file there', async () => {
    const main = createRepository()
    writeFileSync(join(main, 'a.ts'), '')
    git(main, 'add', '.')
    git(main, 'commit', '-qm', 'a')
    git(main, 'worktree', 'add', '-q', '../other')
    const other = join(main, '../other')
    await otterEdits.after(['a.ts'], { cwd: main })
    expect(await foxEdits.after(['a.ts'], { cwd: other })).toMatchObject([
      { filePath: join(other, 'a.ts'), elsewhere: join(main, 'a.ts') },
    ])
    expect(await otterEdits.collisions()).toMatchObject([{ filePath: join(main, 'a.ts'), elsewhere: join(other, 'a.ts') }])
  })

  test('leave nothing that grows', async () => {
    for (let i = 0; i < 150; i++) {
      await otterEdits.after([`f${i}`])
      await foxEdits.after([`f${i}`])
    }
    const count = (table: string) => bare.database.read((sql) => sql.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)?.n)
    expect([count('touches'), count('edit_news')]).toEqual([300, 200])
    bare.clock.pass(31_000)
    await bare.database.write((tx) => pruneEdits(tx, bare.clock))
    await bare.database.write((tx) => pruneEdits(tx, bare.clock))
    expect([count('touches'), count('edit_news')]).toEqual([0, 200])
    bare.clock.pass(3_600_000)
    await bare.database.write((tx) => pruneEdits(tx, bare.clock))
    expect(count('edit_news')).toBe(0)
  })
})

describe('a change of a locked file', () => {
  const path = { filePath: '/project/a', key: '/project/a', repo: null, repoPath: null }
  const wait = async (waiter: Actor) =>
    bare.store.locks.acquire(waiter, { paths: [path], reason: '', ttlMs: 60_000, ticket: null }, 60_000)

  test('is an event, reaches who waits, and its holder where another made it', async () => {
    await bare.caller(otter)('lock.acquire', { filePath: '/project' })
    await bare.caller(otter)('event.subscribe', { types: ['file_changed'] })
    await wait(fox)
    await bare.store.edits.changed(otter, [{ path, change: 'change', byHolder: true }])
    const changes = await foxEdits.changes()
    expect(changes).toMatchObject([{ filePath: '/project/a', change: 'change', holder: { name: 'otter' }, byHolder: true }])
    await foxEdits.settle(changes, true)
    expect(await otterEdits.changes()).toEqual([])
    expect((await bare.caller(otter)('event.read', {})).events).toEqual([])
    bare.rung.length = 0
    await bare.store.edits.changed(otter, [{ path, change: 'unlink', byHolder: false }])
    expect(new Set(bare.rung)).toEqual(new Set([fox.id, otter.id]))
    expect(await otterEdits.changes()).toMatchObject([{ change: 'unlink', byHolder: false }])
    expect(await foxEdits.changes()).toMatchObject([{ change: 'unlink' }])
    expect((await bare.caller(otter)('event.read', {})).events).toMatchObject([
      { type: 'file_changed', payload: { filePath: '/project/a', change: 'unlink', holder: { name: 'otter' }, byHolder: false } },
    ])
  })

  test('that is seen after the lock was given back is nobody’s business', async () => {
    const before = await bare.store.events.lastSeq()
    await bare.store.edits.changed(otter, [{ path, change: 'change', byHolder: null }])
    expect(await bare.store.events.lastSeq()).toBe(before)
  })

  test('is the holder’s own while it edits and just after; nobody knows where no hook speaks', async () => {
    expect(otterEdits.made('/project/a', bare.clock.uptime())).toBe(null)
    await otterEdits.before(['a'])
    bare.clock.pass(60_000)
    expect(otterEdits.made('/project/a', bare.clock.uptime())).toBe(true)
    expect(otterEdits.made('/project/b', bare.clock.uptime())).toBe(false)
    await otterEdits.after(['a'])
    bare.clock.pass(1_000)
    expect(otterEdits.made('/project/a', bare.clock.uptime())).toBe(true)
    bare.clock.pass(5_000)
    expect(otterEdits.made('/project/a', bare.clock.uptime())).toBe(false)
  })
})
