import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent, ToolError } from '../support/agent.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/leader-watch.ts'
import { Sqlite } from '../support/sqlite.ts'

const modeOf = (path: string) => statSync(path).mode & 0o777

/** What a session says that cannot join there. It stays alive, and says it again at each call. */
async function refusal(options: { dir: string; env?: Record<string, string> }): Promise<ToolError> {
  await using agent = await Agent.connect({ ...options, cwd: '/' })
  for (let call = 0; call < 2; call++) {
    const error = await agent.call('mesh.status', {}).catch((error: unknown) => error)
    if (!(error instanceof ToolError)) throw new Error(`not refused: ${JSON.stringify(error)}`)
    if (call === 1) return error
  }
  throw new Error('unreachable')
}

function expectUnsafe(error: ToolError, path: string, why: string): void {
  expect(error.code).toBe('unsafe')
  expect(error.facts.path).toBe(path)
  expect(error.message).toContain(path)
  expect(error.message).toContain(why)
}

let refused = 0

test('a data directory that is a symbolic link is refused, and nothing appears behind it', async () => {
  const target = join(testDir(), 'target')
  mkdirSync(target, { mode: 0o700 })
  const dir = dataDir()
  symlinkSync(target, dir)
  expectUnsafe(await refusal({ dir }), dir, 'symbolic link')
  expect(readdirSync(target)).toEqual([])
  refused++
})

test.each([0o775, 0o777, 0o722])('a data directory that others may write to (mode %o) is refused', async (mode) => {
  const dir = dataDir()
  mkdirSync(dir)
  chmodSync(dir, mode)
  expectUnsafe(await refusal({ dir }), dir, 'others may write to it')
  expect(readdirSync(dir)).toEqual([])
  expect(modeOf(dir)).toBe(mode)
  refused++
})

test('a data directory of another user is refused', async () => {
  const isRoot = process.getuid?.() === 0
  // Who is not root cannot give a directory away, but knows one that belongs to root.
  const dir = isRoot ? dataDir() : '/usr'
  if (isRoot) {
    mkdirSync(dir, { mode: 0o700 })
    chownSync(dir, 65_534, 65_534)
  }
  const before = readdirSync(dir)
  expectUnsafe(await refusal({ dir }), dir, 'it belongs to user')
  expect(readdirSync(dir)).toEqual(before)
  refused++
})

test('a data directory that is a file is refused, and the file is unharmed', async () => {
  const dir = dataDir()
  writeFileSync(dir, 'precious')
  expectUnsafe(await refusal({ dir }), dir, 'not a directory')
  expect(readFileSync(dir, 'utf8')).toBe('precious')
  refused++
})

test('a directory for sockets that is a link, or open to others, is refused', async () => {
  const target = testDir()
  const linked = dataDir()
  mkdirSync(linked, { mode: 0o700 })
  symlinkSync(target, join(linked, 'peers'))
  expectUnsafe(await refusal({ dir: linked }), join(linked, 'peers'), 'symbolic link')
  expect(readdirSync(target)).toEqual([])

  const open = dataDir()
  mkdirSync(join(open, 'peers'), { recursive: true, mode: 0o700 })
  chmodSync(join(open, 'peers'), 0o777)
  expectUnsafe(await refusal({ dir: open }), join(open, 'peers'), 'others may write to it')
  refused += 2
})

test.each(['symbolic', 'hard'] as const)(
  'a database that is a %s link to a file elsewhere is refused, and that file is unharmed',
  async (kind) => {
    const victim = join(testDir(), 'victim.db')
    const db = new Sqlite(victim)
    db.exec("CREATE TABLE precious (word TEXT); INSERT INTO precious VALUES ('untouched')")
    db.close()
    const before = readFileSync(victim)
    const dir = dataDir()
    mkdirSync(dir, { mode: 0o700 })
    const path = join(dir, 'mesh.db')
    if (kind === 'symbolic') symlinkSync(victim, path)
    else linkSync(victim, path)
    expectUnsafe(await refusal({ dir }), path, kind === 'symbolic' ? 'symbolic link' : 'hard link')
    expect(readFileSync(victim).equals(before)).toBe(true)
    refused++
  },
)

test('a token file that was replaced by a link is refused at the start, and replaced, never followed, by a leader', async () => {
  const victim = join(testDir(), 'victim')
  writeFileSync(victim, 'precious', { mode: 0o644 })
  const planted = dataDir()
  mkdirSync(planted, { mode: 0o700 })
  symlinkSync(victim, join(planted, 'leader.token'))
  expectUnsafe(await refusal({ dir: planted }), join(planted, 'leader.token'), 'link')
  refused++

  // Planted while the mesh runs: the next leader writes its own file in the link's place.
  await using first = await Agent.start()
  await using second = await Agent.start({ dir: first.dir })
  const { term } = await servingLeader(second)
  for (const name of ['leader.token', 'port']) {
    rmSync(join(first.dir, name))
    symlinkSync(victim, join(first.dir, name))
  }
  await first.kill()
  await servingLeader(second, { after: term })
  for (const name of ['leader.token', 'port']) expect(lstatSync(join(first.dir, name)).isFile()).toBe(true)
  expect(readFileSync(victim, 'utf8')).toBe('precious')
  expect(modeOf(victim)).toBe(0o644)
})

test.each(['000', '022'])('under umask %s, a directory ends up 0700 and every file 0600', async (umask) => {
  const dir = dataDir()
  mkdirSync(dir)
  chmodSync(dir, 0o755)
  writeFileSync(join(dir, 'mesh.db'), '')
  chmodSync(join(dir, 'mesh.db'), 0o644)
  const command = ['/bin/sh', '-c', `umask ${umask}; exec "$@"`, 'sh', process.execPath]
  await using agent = await Agent.start({ dir, command })
  await using other = await Agent.start({ dir, command })
  await other.call('message.send', { to: await agent.name(), message: 'hello' })
  await servingLeader(agent)
  expect(modeOf(dir)).toBe(0o700)
  const modes = new Map<string, number>()
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
    modes.set(entry.name, modeOf(join(entry.parentPath, entry.name)) & (entry.isSocket() ? 0o077 : 0o777))
  for (const [name, mode] of modes)
    expect([name, mode]).toEqual([name, name === 'peers' || name.endsWith('.lock') ? 0o700 : name.endsWith('.sock') ? 0 : 0o600])
  for (const name of ['mesh.db', 'mesh.db-wal', 'mesh.db-shm', 'leader.token', 'port', 'mesh.log'])
    expect([...modes.keys()]).toContain(name)
  report(26, {
    load: 'starts in places that are not ours alone',
    injected: refused,
    more: `refused with the reason; ${modes.size} entries private under umask ${umask}`,
  })
})
