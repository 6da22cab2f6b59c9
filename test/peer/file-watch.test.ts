import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBurst, together } from '../../src/peer/burst.ts'
import type { MeshPeer } from '../../src/peer/mesh-peer.ts'
import { depthWithin } from '../../src/peer/path-watch.ts'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'

/** A locked file that changes on the disk is told of, once a burst; real files, the real watcher, the real table. */

let root: string
let holder: MeshPeer
let other: MeshPeer
const at = (...names: string[]) => join(root, ...names)

beforeEach(async () => {
  root = realpathSync(testDir())
  const env = meshEnv(dataDir())
  holder = await joinMesh({ env: { ...env, SLM_MESH_NAME: 'holder' }, projectPath: root })
  other = await joinMesh({ env: { ...env, SLM_MESH_NAME: 'other' }, projectPath: root })
})
afterEach(async () => {
  await other.leave()
  await holder.leave()
})

/** inotify watches of this process, from the kernel. */
const watches = () =>
  readdirSync('/proc/self/fd')
    .filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:inotify'
      } catch {
        return false
      }
    })
    .reduce((sum, fd) => sum + readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').split('inotify wd').length - 1, 0)

const lock = (path: string) => holder.call('lock.acquire', { filePath: path })
const changes = async () =>
  (await other.call('event.read', { types: ['file_changed'], since: 0 })).events.map(({ payload }) => payload)
const said = async () => (await changes()).map(({ filePath, change }) => `${change} ${String(filePath).slice(root.length + 1)}`)
/** Writes until the watch, which needs a moment to begin, has seen it. */
const untilSeen = async (path: string) => {
  const before = (await changes()).length
  await eventually(
    async () => {
      appendFileSync(path, 'x')
      return (await changes()).length > before
    },
    { every: 300 },
  )
}
/** The sentence is said of what happens after `before` events; a last write of `untilSeen` may be told as well. */
const says = (sentence: string, before: number) => eventually(async () => (await said()).slice(before).includes(sentence))

describe('a locked file', () => {
  test('that is written, replaced, deleted and made again is told of each time, also a file that was not there', async () => {
    writeFileSync(at('file'), '1')
    await lock('file')
    await lock('new')
    await untilSeen(at('file'))
    for (const [act, expected] of [
      [() => writeFileSync(at('file'), 'two'), 'change file'],
      [
        () => {
          writeFileSync(at('.tmp'), 'three')
          renameSync(at('.tmp'), at('file'))
        },
        'change file',
      ],
      [() => appendFileSync(at('file'), 'after it was replaced'), 'change file'],
      [() => rmSync(at('file')), 'unlink file'],
      [() => writeFileSync(at('file'), 'again'), 'add file'],
      [() => appendFileSync(at('file'), 'after it was made again'), 'change file'],
      [() => writeFileSync(at('new'), ''), 'add new'],
      [() => appendFileSync(at('new'), 'more'), 'change new'],
    ] as const) {
      const before = (await changes()).length
      act()
      await says(expected, before)
    }
    expect((await changes())[0]).toMatchObject({ filePath: at('file'), holder: { name: 'holder' }, byHolder: null })
    expect(await holder.call('lock.query', {})).toMatchObject({ locks: [{}, {}] })
  })

  test('that is written in many steps is told of once a burst', async () => {
    writeFileSync(at('file'), '')
    await lock('file')
    await untilSeen(at('file'))
    const before = (await changes()).length
    for (let i = 0; i < 200; i++) appendFileSync(at('file'), 'x'.repeat(1000))
    await says('change file', before)
    // Not 200: a machine under load may pause in between.
    expect((await said()).length - before).toBeLessThan(20)
  })

  test('is watched for as long as it is held, by whatever way it is lost, and no watch of the kernel is left', async () => {
    const before = watches()
    writeFileSync(at('a'), '')
    mkdirSync(at('dir/deep'), { recursive: true })
    await lock('a')
    await lock('dir')
    await eventually(() => watches() >= before + 3)
    await holder.call('lock.release', { filePath: 'a' })
    await lock('b')
    await eventually(() => watches() > before)
    // A person takes them away.
    for (const path of ['dir', 'b'])
      await other.store.locks.release(
        { ...other.self, id: 'cli', name: 'cli' },
        [{ filePath: at(path), key: at(path), repo: null, repoPath: null }],
        true,
      )
    await eventually(() => watches() === before)
    await lock('a')
    await eventually(() => watches() > before)
    await holder.leave()
    await eventually(() => watches() === before)
  })
})

describe('a locked directory', () => {
  test('is watched below; not what git and package managers keep there', async () => {
    for (const dir of ['dir/deep', 'dir/.git', 'dir/node_modules/p']) mkdirSync(at(dir), { recursive: true })
    writeFileSync(at('dir/deep/file'), '')
    await lock('dir')
    await untilSeen(at('dir/deep/file'))
    const before = (await changes()).length
    writeFileSync(at('dir/.git/index'), 'x')
    writeFileSync(at('dir/node_modules/p/x.js'), 'x')
    writeFileSync(at('dir/deep/other'), 'x')
    await says('add dir/deep/other', before)
    expect((await said()).filter((one) => /git|modules/.test(one))).toEqual([])
  })

  test('in which everything changes at once is told of as one change of it', async () => {
    mkdirSync(at('dir'))
    writeFileSync(at('dir/file'), '')
    await lock('dir')
    await untilSeen(at('dir/file'))
    const before = (await changes()).length
    const isFolded = async () => (await changes()).slice(before).some(({ files }) => Number(files) > 50)
    // On a busy machine so many files come to the watcher in several portions, each told by name: then once more.
    let round = 0
    await eventually(
      async () => {
        if (await isFolded()) return true
        for (let i = 0; i < 300; i++) writeFileSync(at(`dir/f${i}`), String(round))
        round++
        return false
      },
      { every: 3_000 },
    )
  })
})

describe('whose change it was', () => {
  test('is known where hooks tell of edits: the holder is told of others’ only', async () => {
    writeFileSync(at('mine'), '')
    writeFileSync(at('theirs'), '')
    await holder.editing.before(['mine', 'theirs'], { autoLock: true })
    await untilSeen(at('mine'))
    await holder.editing.after(['mine', 'theirs'])
    const before = (await changes()).length
    // One write right after others may be lost on the watcher, whose library looks away for some milliseconds.
    await eventually(
      async () => {
        if ((await changes()).length > before) return true
        await holder.editing.before(['mine'], { autoLock: true })
        appendFileSync(at('mine'), 'by the agent')
        await holder.editing.after(['mine'])
        return false
      },
      { every: 2_000 },
    )
    expect((await changes()).at(-1)).toMatchObject({ filePath: at('mine'), byHolder: true })
    expect(await holder.editing.changes()).toEqual([])
    await lock('third')
    const told = await eventually(async () => {
      appendFileSync(at('third'), 'by somebody else')
      const found = await holder.editing.changes()
      return found.length > 0 && found
    })
    expect(told).toMatchObject([{ filePath: at('third'), byHolder: false }])
  })
})

describe('a burst', () => {
  test('is what its steps amount to', () => {
    expect(together('add', 'change')).toBe('add')
    expect(together('add', 'unlink')).toBe(undefined)
    expect(together('unlink', 'add')).toBe('change')
    expect(together('change', 'unlink')).toBe('unlink')
    const burst = createBurst()
    burst.note('/a', 'change', 0)
    burst.note('/b', 'add', 50)
    burst.note('/a', 'change', 60)
    expect(burst.due(120)).toEqual([])
    expect(burst.due(150)).toEqual([{ path: '/b', change: 'add', at: 50 }])
    burst.note('/a', 'unlink', 155)
    expect(burst.due(260)).toEqual([{ path: '/a', change: 'unlink', at: 0 }])
    // What never comes to rest is told of all the same.
    for (let t = 0; t < 1000; t += 50) burst.note('/log', 'change', t)
    expect(burst.due(999)).toEqual([])
    expect(burst.due(1000)).toHaveLength(1)
    expect(burst.size).toBe(0)
  })
})

test('a directory is looked into as deep as its entries fit the bound', () => {
  const top = testDir()
  for (const dir of ['a/x/deep', 'b', 'node_modules/p/q', '.git/objects']) mkdirSync(join(top, dir), { recursive: true })
  for (let i = 0; i < 10; i++) writeFileSync(join(top, `a/x/deep/${i}`), '')
  expect(depthWithin(top, 100)).toEqual({ depth: undefined, entries: 15 })
  expect(depthWithin(top, 14)).toEqual({ depth: 2, entries: 5 })
  expect(depthWithin(top, 3)).toEqual({ depth: 0, entries: 3 })
  expect(depthWithin(top, 2)).toEqual({ depth: -1, entries: 1 })
})
