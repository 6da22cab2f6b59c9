import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { networkFileSystem } from '../../src/core/network-file-system.ts'
import { Agent, PROGRAM } from '../support/agent.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'

/** Watching is a courtesy: where it cannot be had the lock stands all the same, and one line of the log says so. */

/** A user namespace of its own, in which so many files may be watched. */
const withWatches = (count: number) => [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  `echo ${count} > /proc/sys/user/max_inotify_watches && exec "$0" "$@"`,
  process.execPath,
]
const warnings = (dir: string) =>
  readFileSync(join(dir, 'mesh.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('cannot be watched'))

test('with no watches left, locks stand and exclude, and one warning is logged', async () => {
  const root = realpathSync(testDir())
  const dir = dataDir()
  mkdirSync(join(root, 'tree/deep'), { recursive: true })
  await using holder = await Agent.start({ dir, cwd: root, command: withWatches(1) })
  await using other = await Agent.start({ dir, cwd: root })
  for (const filePath of ['a', 'b', 'c', 'tree']) await holder.call('lock.acquire', { filePath: join(root, filePath) })
  await eventually(() => warnings(dir).length === 1)
  await holder.call('lock.acquire', { filePath: join(root, 'd') })
  let granted = 0
  for (const filePath of ['a', 'tree/deep/x', 'd']) {
    const attempt = other.call('lock.acquire', { filePath: join(root, filePath) })
    attempt.then(
      () => granted++,
      () => {},
    )
    await expect(attempt).rejects.toMatchObject({ code: 'locked' })
  }
  expect(await other.call('lock.query', {})).toMatchObject({ locks: Array(5).fill({}) })
  expect(warnings(dir)).toHaveLength(1)
  expect(holder.stderr.match(/cannot be watched/g)).toHaveLength(1)
  report(31, {
    load: 'two agents, five locked paths',
    injected: 4,
    acknowledged: 5,
    doubleHolders: granted,
    more: 'paths that could not be watched, each refused to the other; 1 warning',
  })
})

test('a locked file that is deleted, replaced by a directory, and made again stays locked; who waits is told', async () => {
  const root = realpathSync(testDir())
  const dir = dataDir()
  const file = join(root, 'file')
  writeFileSync(file, '')
  await using holder = await Agent.start({ dir, cwd: root })
  await using other = await Agent.start({ dir, cwd: root })
  await holder.call('lock.acquire', { filePath: file })
  await other.call('event.subscribe', { types: ['file_changed'] })
  const waiting = other.call('lock.acquire', { filePath: file, wait: 60 })
  waiting.catch(() => {})
  const seen = async () =>
    (await other.call('event.read', { types: ['file_changed'], since: 0 })).events.map((e) => e.payload.change)
  await eventually(async () => {
    appendFileSync(file, 'x')
    return (await seen()).length > 0
  })
  for (const [act, change] of [
    [() => rmSync(file), 'unlink'],
    [() => mkdirSync(file), 'add'],
    [() => rmSync(file, { recursive: true }), 'unlink'],
    [() => writeFileSync(file, ''), 'add'],
  ] as const) {
    const before = (await seen()).length
    act()
    await eventually(async () => (await seen()).at(-1) === change)
    // What was appended until the first was seen may be told of a moment later.
    expect((await seen()).slice(before).filter((told) => told !== 'change')).toEqual([change])
    expect(await other.call('lock.query', { filePath: file })).toMatchObject({ locks: [{ filePath: file }] })
  }
  await holder.call('lock.release', { filePath: file })
  expect(await waiting).toMatchObject({ lock: { filePath: file } })
})

test('a program that holds a lock ends when it has nothing else to do, and frees it', async () => {
  const root = realpathSync(testDir())
  const dir = dataDir()
  writeFileSync(join(root, 'file'), '')
  const library = pathToFileURL(join(PROGRAM, '../index.js')).href
  const script = `import { joinMesh } from '${library}'
    import { readdirSync, readFileSync } from 'node:fs'
    const mesh = await joinMesh({ env: process.env })
    await mesh.call('lock.acquire', { filePath: 'file' })
    const watches = (fd) => {
      try { return readFileSync('/proc/self/fdinfo/' + fd, 'utf8').includes('inotify wd') } catch { return false }
    }
    while (!readdirSync('/proc/self/fdinfo').some(watches)) await new Promise((done) => setTimeout(done, 5))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    env: { PATH: process.env.PATH ?? '', ...meshEnv(dir) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0)
  await using other = await Agent.start({ dir, cwd: root })
  await other.call('lock.acquire', { filePath: join(root, 'file'), wait: 10 })
})

test('network file systems are known by their number', () => {
  expect(networkFileSystem(0x6969)).toBe('NFS')
  expect(networkFileSystem(-11317950)).toBe('CIFS')
  expect(networkFileSystem(0xef53)).toBe(undefined)
})
