import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { socketPlace } from '../../src/core/paths.ts'
import { Agent, ToolError } from '../support/agent.ts'
import { type Companion, companion } from '../support/companion.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { Sqlite } from '../support/sqlite.ts'

/** What the kernel takes: 108 bytes with the ending NUL on Linux, 104 on macOS. */
const LIMIT = process.platform === 'darwin' ? 103 : 107

/** A directory below a new one whose path has so many bytes. */
function pathOf(bytes: number, letter = 'x', root = testDir()): string {
  let path = root
  while (Buffer.byteLength(path) < bytes) {
    const room = bytes - Buffer.byteLength(path) - 1
    // One letter more where what is left would be too little for another component.
    path = join(path, letter.repeat(Math.max(1, Math.floor(Math.min(room, room > 100 ? 98 : 200) / Buffer.byteLength(letter)))))
  }
  return path
}

interface Row {
  name: string
  socket_path: string
}

/** Where the living peers of a mesh listen, as the file says. */
function socketsOf(dataDir: string): Row[] {
  const db = new Sqlite(join(dataDir, 'mesh.db'), { readonly: true, timeout: 5_000 })
  const rows = db.prepare('SELECT name, socket_path FROM peers WHERE live = 1').all() as Row[] // as selected
  db.close()
  return rows
}

/** A link to a peer's socket that has answered once. */
async function link(path: string) {
  const socket = connect(path)
  let answer = ''
  let open = true
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.once('close', () => {
    open = false
  })
  socket.write('{"k":"ping"}\n')
  await eventually(() => answer.includes('"pong"'))
  return { isOpen: () => open, close: () => socket.destroy() }
}

async function startTwo(dir: string, env: Record<string, string>) {
  const first = await Agent.start({ dir, env, cwd: '/' })
  const second = await Agent.start({ dir, env, cwd: '/' })
  return { first, second }
}

/** Two sessions see each other, and a message wakes the one that waits. */
async function expectMeeting(
  { first, second }: { first: Agent | Companion; second: Agent | Companion },
  text: string,
): Promise<void> {
  const names = { first: await first.name(), second: await second.name() }
  expect((await first.call('peer.list', {})).peers.filter((p) => p.status === 'active').map((p) => p.name)).toEqual([
    names.second,
  ])
  const waiting = second.call('message.inbox', { wait: 10 })
  await first.call('message.send', { to: names.second, message: text })
  expect((await waiting).messages).toMatchObject([{ payload: text, from: { name: names.first } }])
}

const cases = [60, 90, 104, 109, 200].map((bytes) => [bytes, 'x'] as const)

test.each([...cases, [80, 'ü'], [140, '日'], [120, '🦦']] as const)(
  'two sessions meet below a data directory of %i bytes of %s',
  async (bytes, letter) => {
    const temp = tmpdir() // that of this process, which is one of the two
    const dir = pathOf(bytes, letter)
    await using first = await companion({ dir })
    await using second = await Agent.start({ dir, env: { TMPDIR: temp }, cwd: '/' })
    await expectMeeting({ first, second }, `over ${bytes} bytes`)

    const sockets = socketsOf(dir).map((row) => row.socket_path)
    expect(new Set(sockets).size).toBe(2)
    for (const path of sockets) {
      expect(Buffer.byteLength(path)).toBeLessThanOrEqual(LIMIT)
      expect(statSync(path).isSocket()).toBe(true)
      expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
      // In the data directory as long as that is possible.
      expect(dirname(path).startsWith(Buffer.byteLength(dir) + 20 <= LIMIT ? realpathSync(dir) : realpathSync(temp))).toBe(true)
    }
  },
)

test('a HOME of 200 bytes works without any setting', async () => {
  const home = pathOf(200)
  mkdirSync(home, { recursive: true })
  const { first, second } = await startTwo(home, { SLM_MESH_DATA_DIR: '', TMPDIR: testDir() })
  await using _first = first
  await using _second = second
  await expectMeeting({ first, second }, 'at home')
  expect(existsSync(join(home, '.slm-mesh', 'mesh.db'))).toBe(true)
})

test('a temporary directory that is too long as well is passed over for /tmp', async () => {
  const temp = pathOf(120)
  mkdirSync(temp, { recursive: true })
  const dir = pathOf(120)
  const { first, second } = await startTwo(dir, { TMPDIR: temp })
  await using _first = first
  await using _second = second
  await expectMeeting({ first, second }, 'in /tmp')
  expect(readdirSync(temp)).toEqual([])
  const [socket = ''] = socketsOf(dir).map((row) => row.socket_path)
  expect(socket.startsWith('/tmp/slm-mesh-')).toBe(true)
  // The last one to leave takes the directory along.
  await second[Symbol.asyncDispose]()
  expect(existsSync(dirname(socket))).toBe(true)
  await first[Symbol.asyncDispose]()
  expect(existsSync(dirname(socket))).toBe(false)
})

test('a directory for sockets that a cleaner of /tmp has removed is made again, and its peers can be rung', async () => {
  const temp = testDir()
  const dir = pathOf(150)
  const { first, second } = await startTwo(dir, { TMPDIR: temp })
  await using _first = first
  await using _second = second
  const paths = socketsOf(dir).map((row) => row.socket_path)
  rmSync(dirname(paths[0]!), { recursive: true })
  await eventually(() => paths.every((path) => existsSync(path)))
  for (const path of paths) (await link(path)).close()
  await expectMeeting({ first, second }, 'cleaned away')
})

test('two meshes whose paths differ only past the limit never reach each other', async () => {
  const temp = testDir()
  const common = pathOf(150)
  const [left, right] = [join(common, 'left'), join(common, 'right')]
  const a = await startTwo(left, { TMPDIR: temp })
  await using _a1 = a.first
  await using _a2 = a.second
  const b = await startTwo(right, { TMPDIR: temp })
  await using _b1 = b.first
  await using _b2 = b.second
  await expectMeeting(a, 'left')
  await expectMeeting(b, 'right')

  const sockets = [...socketsOf(left), ...socketsOf(right)]
  expect(new Set(sockets.map((row) => row.socket_path)).size).toBe(4)
  // Each path leads to the process whose row names it: when that one dies, that link closes and no other.
  const links = new Map(await Promise.all(sockets.map(async (row) => [row.name, await link(row.socket_path)] as const)))
  const victim = await a.second.name()
  await a.second.kill()
  await eventually(() => !links.get(victim)!.isOpen())
  for (const [name, { isOpen }] of links) expect([name, isOpen()]).toEqual([name, name !== victim])
  for (const { close } of links.values()) close()
})

test('the directory for sockets is used again by the next sessions, without what the dead left in it', async () => {
  const temp = testDir()
  const dir = pathOf(150)
  const settings = { TMPDIR: temp, SLM_MESH_DEAD_MS: '1000', SLM_MESH_STALE_MS: '500', SLM_MESH_HEARTBEAT_MS: '200' }
  {
    const { first, second } = await startTwo(dir, settings)
    await first.kill()
    await second.kill()
  }
  const [name = ''] = readdirSync(temp)
  const socketDir = join(temp, name)
  const left = readdirSync(socketDir)
  // The second may have noticed in its last moment that the first was dead, and have removed its socket.
  expect(left.length).toBeGreaterThan(0)
  // And one that no row knows of: its process died before it had joined.
  writeFileSync(join(socketDir, '0badc0de.sock'), '')
  for (const file of [...left, '0badc0de.sock']) utimesSync(join(socketDir, file), 1, 1)

  const { first, second } = await startTwo(dir, settings)
  await using _first = first
  await using _second = second
  await expectMeeting({ first, second }, 'the next ones')
  expect(readdirSync(temp)).toEqual([name])
  const living = socketsOf(dir).map((row) => row.socket_path)
  await eventually(
    () =>
      readdirSync(socketDir).sort().join() ===
      living
        .map((path) => path.slice(socketDir.length + 1))
        .sort()
        .join(),
  )
  report(30, {
    load: 'two peers a directory',
    injected: cases.length + 3,
    more: `lengths at which peers met; ${left.length + 1} dead sockets swept, ${living.length} living kept`,
  })
})

test.each([
  ['with mode 0777', 'others may write to it'],
  ['as a link', 'symbolic link'],
  ['as a file', 'not a directory'],
])('a directory for sockets that somebody else made beforehand %s is refused', async (how, why) => {
  const temp = testDir()
  const dir = pathOf(150)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const place = socketPlace(realpathSync(dir), '00000000', {
    platform: process.platform,
    tempDir: temp,
    uid: process.getuid!(),
  })
  const trap = testDir()
  if (how === 'as a link') symlinkSync(trap, place.dir!)
  else if (how === 'as a file') writeFileSync(place.dir!, '')
  else {
    mkdirSync(place.dir!)
    chmodSync(place.dir!, 0o777)
  }
  await using agent = await Agent.connect({ dir, env: { TMPDIR: temp }, cwd: '/' })
  const error = await agent.call('mesh.status', {}).catch((error: unknown) => error)
  if (!(error instanceof ToolError)) throw new Error(`not refused: ${JSON.stringify(error)}`)
  expect(error).toMatchObject({ code: 'unsafe', facts: { path: place.dir } })
  expect(error.message).toContain(why)
  expect(readdirSync(trap)).toEqual([])
})
