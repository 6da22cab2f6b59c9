import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Agent, startMesh, type ToolError } from '../support/agent.ts'
import { companion, companions } from '../support/companion.ts'
import { cut, damagedIn, damageInUse, PAGE_BYTES, randomFrom, scribble, settle } from '../support/damage.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { inFile, leaderRow } from '../support/mesh-file.ts'
import { expectOneMesh } from '../support/one-mesh.ts'
import { run } from '../support/run.ts'
import { patience, scaled } from '../support/scale.ts'

const PEERS = 3
const seed = Number(process.env.SLM_MESH_SEED ?? Date.now() % 1_000_000)
const random = randomFrom(seed)

let injected = 0
let movedAside = 0
afterAll(() =>
  report(13, {
    load: `files damaged under ${PEERS} running peers, and before they start`,
    injected,
    more: `${movedAside} moved aside, one mesh again each time; seed ${seed}`,
  }),
)

/** Damage that every reader of the file meets. */
const plain: Record<string, (path: string) => void> = {
  'is overwritten with random bytes here and there': (path) =>
    scribble(path, random, { times: 400, length: 32, from: PAGE_BYTES }),
  'has a spoilt header': (path) => scribble(path, random, { times: 1, length: 100, to: 101 }),
  'is cut off at a page': (path) => cut(path, 1 + Math.floor(random() * (statSync(path).size / PAGE_BYTES / 3))),
  'is rubbish': (path) => {
    const { size } = statSync(path)
    scribble(path, random, { length: size })
  },
}

/** What an agent is told, in all the answers that it gets. */
class Listener {
  heard = ''
  constructor(readonly agent: Agent) {}

  /** A call may fail while the file is damaged, for that reason only. */
  async ask(tool: string, args: Record<string, unknown> = {}): Promise<void> {
    const { content, isError, _meta } = await this.agent.tool(tool, args)
    const [first] = content
    if (first?.type === 'text') this.heard += `${first.text}\n`
    if (isError) expect(_meta?.['slm-mesh/error']).toMatchObject({ code: 'corrupt' })
  }

  get timesTold(): number {
    return this.heard.split('It was moved aside to').length - 1
  }
}

async function fill(agents: readonly { call: Agent['call']; name: () => Promise<string> }[]): Promise<void> {
  const [a, b] = agents as [Agent, Agent]
  for (let i = 0; i < 60; i++) await a.call('state.set', { key: `before ${i}`, value: 'x'.repeat(1_500) })
  for (let i = 0; i < 10; i++) await a.call('message.send', { to: await b.name(), message: `waits ${i}` })
}

test.each(Object.entries(plain))(
  'sessions whose database %s meet again in a new one, and each is told once',
  async (_what, damage) => {
    for (let round = 0; round < scaled(1, 10); round++) {
      await using mesh = await startMesh(PEERS)
      const names = await Promise.all(mesh.agents.map((agent) => agent.name()))
      await fill(mesh.agents)
      const { token } = (await mesh.agents[0]!.call('lock.acquire', { filePath: '/tmp/kept' })).lock!
      const { term } = leaderRow(mesh.dir)
      damageInUse(mesh.dir, damage)
      injected++

      const listeners = mesh.agents.map((agent) => new Listener(agent))
      await eventually(async () => {
        for (const each of listeners) await each.ask('mesh_state', { action: 'set', key: 'after', value: String(each.agent.pid) })
        for (const each of listeners) await each.ask('mesh_inbox', { filter: 'all' })
        return damagedIn(mesh.dir).length > 0
      })
      await eventually(() => mesh.agents.every((agent) => agent.stderr.includes('a new one is in its place')))
      for (const each of [...listeners, ...listeners]) await each.ask('mesh_status')
      expect(listeners.map(({ timesTold }) => timesTold)).toEqual(names.map(() => 1))
      expect(await Promise.all(mesh.agents.map((agent) => agent.name()))).toEqual(names)
      await expectOneMesh(mesh)
      expect(damagedIn(mesh.dir)).toHaveLength(1)
      movedAside++

      // Numbers go on above all that were given.
      expect(leaderRow(mesh.dir).term).toBeGreaterThan(term)
      await mesh.agents[0]!.call('lock.release', { filePath: '/tmp/kept' }).catch((error: ToolError) =>
        expect(error.code).toBe('not_holder'),
      )
      const later = (await mesh.agents[0]!.call('lock.acquire', { filePath: '/tmp/kept' })).lock!
      expect(later.token).toBeGreaterThan(token)
      const { events } = await mesh.agents[0]!.call('event.read', { types: ['database_recovered'] })
      expect(events).toHaveLength(1)
      expect(events[0]!.payload).toMatchObject({ movedTo: damagedIn(mesh.dir)[0] })
    }
  },
)

test.each(Object.entries(plain))(
  'a database that %s before anybody starts is replaced, by one of all who start',
  async (_what, damage) => {
    const dir = dataDir()
    {
      await using before = await companions(2, { dir })
      await fill(before.agents as never)
    }
    settle(dir)
    damage(join(dir, 'mesh.db'))
    injected++
    await using mesh = await startMesh(PEERS, { dir })
    await expectOneMesh(mesh)
    expect(damagedIn(dir)).toHaveLength(1)
    movedAside++
  },
)

/** The file of a mesh that was used, to be spoilt in many ways. */
async function usedFile(): Promise<{ dir: string; bytes: Buffer; spoil: (change: (bytes: Buffer) => Buffer) => void }> {
  const dir = dataDir()
  {
    await using before = await companions(2, { dir })
    await fill(before.agents as never)
  }
  settle(dir)
  const path = join(dir, 'mesh.db')
  const bytes = readFileSync(path)
  const spoil = (change: (bytes: Buffer) => Buffer) => {
    rmSync(dir, { recursive: true })
    mkdirSync(dir, { mode: 0o700 })
    writeFileSync(path, change(Buffer.from(bytes)), { mode: 0o600 })
    injected++
  }
  return { dir, bytes, spoil }
}

/** Whatever fails does so because of the damage, and only until the file has been left. True where it was found. */
async function expectUsable(dir: string): Promise<boolean> {
  await using agent = await companion({ dir })
  const use = async () => {
    await agent.call('message.inbox', { filter: 'all' })
    await agent.call('state.list', {})
    await agent.call('state.set', { key: 'after', value: 'x' })
    await agent.call('message.send', { to: 'cli', message: 'x' })
  }
  await use().catch((error: Error) => expect(error).toMatchObject({ code: 'corrupt', facts: { recurring: false } }))
  await eventually(() => use().then(() => true))
  return damagedIn(dir).length > 0
}

test('a flipped bit, or a file cut off at any page, ends in a mesh that can be used', { timeout: patience(60_000) }, async () => {
  const { dir, bytes, spoil } = await usedFile()
  const pages = bytes.length / PAGE_BYTES
  const cuts = Array.from({ length: pages - 1 }, (_, page) => (page + 1) * PAGE_BYTES)
  const flips = Array.from({ length: scaled(20, 1_000) }, () => 100 + Math.floor(random() * (bytes.length - 100)))
  const wanted = scaled(10, Number.POSITIVE_INFINITY)
  let [found, unnoticed] = [0, 0]
  const tell = (wasFound: boolean) => (wasFound ? found++ : unnoticed++)
  for (const at of cuts.filter(() => random() < wanted / cuts.length)) {
    spoil((whole) => whole.subarray(0, at))
    tell(await expectUsable(dir))
  }
  for (const at of flips) {
    spoil((whole) => {
      whole[at]! ^= 1 << Math.floor(random() * 8)
      return whole
    })
    tell(await expectUsable(dir))
  }
  movedAside += found
  console.info(`fault 13: of single flips and cuts ${found} were found, ${unnoticed} did no harm that SQLite could see`)
})

test('damage to any one table or index, met at whatever step, ends in a mesh that can be used', async () => {
  const { dir, spoil } = await usedFile()
  const roots = inFile(dir, (file) =>
    file.prepare<[], { name: string; rootpage: number }>('SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 1').all(),
  )
  expect(roots.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['peers', 'leader', 'locks', 'messages', 'state', 'events']),
  )
  for (const { name, rootpage } of roots) {
    const from = (rootpage - 1) * PAGE_BYTES
    spoil((whole) => whole.fill(0xa5, from, from + PAGE_BYTES))
    await expectUsable(dir).then(
      (wasFound) => {
        movedAside += wasFound ? 1 : 0
      },
      (error: unknown) => expect.fail(`with ${name} spoilt: ${String(error)}`),
    )
  }
})

test('with a damaged WAL, sessions start with what stands before the damage', { timeout: patience(60_000) }, async () => {
  for (let round = 0; round < scaled(2, 40); round++) {
    const mesh = await startMesh(2)
    await fill(mesh.agents)
    await Promise.all(mesh.agents.map((agent) => agent.kill()))
    expect(existsSync(join(mesh.dir, 'mesh.db-wal'))).toBe(true)
    scribble(join(mesh.dir, 'mesh.db-wal'), random, { times: 3, length: 8 })
    rmSync(join(mesh.dir, 'mesh.db-shm')) // as after a reboot: the WAL is read anew
    injected++
    await using again = await startMesh(2, { dir: mesh.dir })
    await expectOneMesh(again)
  }
})

test('sessions under which the WAL is scribbled over stay alive, and one mesh', { timeout: patience(60_000) }, async () => {
  for (let round = 0; round < scaled(1, 20); round++) {
    await using mesh = await startMesh(PEERS)
    await fill(mesh.agents)
    scribble(join(mesh.dir, 'mesh.db-wal'), random, { times: 60, length: 2_048, from: PAGE_BYTES })
    injected++
    const listeners = mesh.agents.map((agent) => new Listener(agent))
    const heardOf = () => damagedIn(mesh.dir).length > 0
    for (let i = 0; i < 20 && !heardOf(); i++)
      for (const each of listeners) {
        await each.ask('mesh_inbox', { filter: 'all' })
        await each.ask('mesh_state', { action: 'set', key: `after ${i}`, value: 'x' })
      }
    if (!heardOf()) continue // it was overwritten before anybody read it
    movedAside++
    await eventually(() => mesh.agents.every((agent) => agent.stderr.includes('a new one is in its place')))
    for (const agent of mesh.agents) await agent.call('message.inbox', {}) // what was brought over
    await expectOneMesh(mesh)
  }
})

test('what can be read of a damaged database is brought over by whatever command opens it, and the rest is kept', async () => {
  const dir = dataDir()
  let name = ''
  {
    await using before = await companions(2, { dir })
    await fill(before.agents as never)
    name = await before.agents[1]!.name()
  }
  settle(dir)
  // The state's pages, and no others: whatever is looked at on the way to them is whole.
  const pages = inFile(dir, (file) =>
    file.prepare<[], { pageno: number }>(`SELECT pageno FROM dbstat WHERE name = 'state' AND pagetype <> 'internal'`).all(),
  )
  const middle = pages[Math.floor(pages.length / 2)]!.pageno
  scribble(join(dir, 'mesh.db'), random, { length: PAGE_BYTES, from: (middle - 1) * PAGE_BYTES, to: middle * PAGE_BYTES })
  injected++
  const env = meshEnv(dir)

  // Looking moves nothing.
  expect((await run(['doctor'], env)).out).toContain('damaged')
  expect(damagedIn(dir)).toEqual([])
  // Whoever meets the damage fails, and moves the file aside.
  const first = await run(['state', 'list'], env)
  expect(first).toMatchObject({ code: 1 })
  expect(first.err).toContain('is damaged')
  expect(damagedIn(dir)).toHaveLength(1)
  movedAside++
  const listed = JSON.parse((await run(['state', 'list', '--json'], env)).out) as { entries: unknown[] }
  expect(listed.entries.length).toBeGreaterThan(30)
  expect(listed.entries.length).toBeLessThan(60)
  expect((await run(['inbox', name], env)).out).toContain('waits 9')
  const status = await run(['status'], env)
  expect(status.out).toContain(damagedIn(dir)[0]!.split('/').at(-1))
})

test('a database that is damaged again and again is refused after the third time, and the process goes on', async () => {
  const dir = dataDir()
  {
    await using _before = await companions(1, { dir })
  }
  const path = join(dir, 'mesh.db')
  const env = meshEnv(dir)
  for (let i = 0; i < 3; i++) {
    writeFileSync(path, 'no database at all '.repeat(1_000))
    injected++
    expect(await run(['state', 'set', 'key', 'value'], env)).toMatchObject({ code: 0 })
    movedAside++
  }
  expect(damagedIn(dir)).toHaveLength(3)
  writeFileSync(path, 'no database at all '.repeat(1_000))
  const refused = await run(['state', 'set', 'key', 'value'], env)
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.err).toContain('the disk is the likely cause')
  expect(readFileSync(path, 'utf8')).toContain('no database')
  await using agent = await Agent.connect({ dir })
  await expect(agent.call('peer.list', {})).rejects.toMatchObject({ code: 'corrupt', facts: { recurring: true } })
  // Once it is longer ago, or they have been put away.
  rmSync(damagedIn(dir)[0]!)
  for (const suffix of ['-wal', '-shm']) rmSync(`${damagedIn(dir)[0]!}${suffix}`, { force: true })
  expect((await agent.call('peer.list', {})).peers).toEqual([])
})
