import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/health.ts'
import { elections, guards, inFile, integrity, leaderRow, sockets } from '../support/mesh-file.ts'
import { scaled } from '../support/scale.ts'

const PEERS = scaled(3, 5)

/** Beats quick enough that the leader's sweep of old sockets comes within seconds. */
const QUICK = { SLM_MESH_HEARTBEAT_MS: '300', SLM_MESH_STALE_MS: '1000', SLM_MESH_DEAD_MS: '2000' }
const start = (dir: string, name: string) => Agent.start({ dir, env: { SLM_MESH_NAME: name, ...QUICK } })
const startAll = (dir: string) => Promise.all(Array.from({ length: PEERS }, (_, i) => start(dir, `peer-${i}`)))
const killAll = (agents: readonly Agent[]) => Promise.all(agents.map((agent) => agent.kill()))

/** Young sockets are spared, as a peer listens before it has its row: the dead have been dead for a while. */
function letTimePass(dir: string): void {
  for (const name of sockets(dir)) utimesSync(join(dir, 'peers', name), new Date(0), new Date(0))
}

/** Gives the mesh something to keep and something to free: each peer holds a lock, has mail, and one waits in line. */
async function fill(agents: readonly Agent[]): Promise<void> {
  for (const [i, agent] of agents.entries()) {
    await agent.call('lock.acquire', { filePath: `file-${i}`, reason: 'at work' })
    await agent.call('state.set', { key: `key-${i}`, value: `value ${i}` })
    await agent.call('message.send', { to: `peer-${(i + 1) % PEERS}`, message: `mail from ${i}` })
  }
  agents[1]?.call('lock.acquire', { filePath: 'file-0', wait: 300 }).catch(() => {}) // killed while it waits
  const waiting = (dir: string) => inFile(dir, (file) => file.prepare('SELECT count(*) FROM lock_waits').pluck().get())
  await eventually(() => waiting(agents[0]?.dir ?? '') === 1)
}

/** Whoever is there now finds the dead away, their locks free, and all that was kept. */
async function expectClean(agent: Agent, self: string): Promise<void> {
  const { dir } = agent
  const { term, pid } = await eventually(() => servingLeader(dir))
  expect(pid).toBe(agent.pid)
  const dead = Array.from({ length: PEERS }, (_, i) => `peer-${i}`).filter((name) => name !== self)
  await eventually(async () => (await agent.call('peer.list', {})).peers.every(({ status }) => status === 'away'))
  expect((await agent.call('peer.list', {})).peers.map(({ name }) => name).sort()).toEqual(dead)
  const { locks } = await agent.call('lock.query', {})
  expect(locks.filter(({ lockedBy }) => lockedBy.name !== self)).toEqual([])
  for (const i of Array.from({ length: PEERS }).keys()) {
    expect((await agent.call('state.get', { key: `key-${i}` })).entry?.value).toBe(`value ${i}`)
    await agent.call('lock.acquire', { filePath: `file-${i}` }) // and nobody dead stands in line before us
  }
  await eventually(() => guards(dir).length === 1 && sockets(dir).length === 1)
  expect(guards(dir)).toEqual([`leader.${term}.lock`])
  const terms = elections(dir).map((election) => election.term)
  expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b))
  expect(integrity(dir)).toBe('ok')
  expect(agent.stderr).toBe('')
}

/** Everybody comes back under the old name and finds the mail. Resolves to how much there was. */
async function expectMail(dir: string, known: Agent, self: string): Promise<number> {
  let found = 0
  for (const i of Array.from({ length: PEERS }).keys()) {
    const name = `peer-${i}`
    await using returning = name === self ? undefined : await start(dir, name)
    const agent = returning ?? known
    expect(await agent.name()).toBe(name)
    const { messages } = await agent.call('message.inbox', {})
    expect(messages.map(({ payload }) => payload)).toEqual([`mail from ${(i + PEERS - 1) % PEERS}`])
    found += messages.length
  }
  return found
}

test.each(['the leader', 'a follower'])('when all but %s are killed at once, it leads a clean mesh', async (role) => {
  const dir = dataDir()
  const agents = await startAll(dir)
  await fill(agents)
  const { pid } = await eventually(() => servingLeader(dir))
  const index = agents.findIndex((agent) => (agent.pid === pid) === (role === 'the leader'))
  const survivor = agents[index]
  if (!survivor) throw new Error('nobody is left')
  await using _ = survivor
  await killAll(agents.filter((agent) => agent !== survivor))
  await expectClean(survivor, `peer-${index}`)
  const left = await survivor.call('event.read', { types: ['peer_left'] })
  expect(left.events.map(({ payload }) => payload.reason)).toEqual(Array.from({ length: PEERS - 1 }, () => 'crashed'))
  await expectMail(dir, survivor, `peer-${index}`)
})

test('when all are killed at once, the next start is clean by itself', async () => {
  const dir = dataDir()
  const agents = await startAll(dir)
  await fill(agents)
  await killAll(agents)
  letTimePass(dir)
  const before = leaderRow(dir).term
  await using next = await start(dir, 'peer-2')
  expect(leaderRow(dir).term).toBe(before + 1)
  await expectClean(next, 'peer-2')
  const found = await expectMail(dir, next, 'peer-2')
  report(4, {
    load: `${PEERS} peers with locks, state and mail`,
    injected: PEERS,
    acknowledged: PEERS,
    lost: PEERS - found,
    more: `all killed at once, term ${before} → ${leaderRow(dir).term}, clean by itself`,
  })
})

/** Foreign processes that live under the pids of the dead. */
function strangers(count: number): AsyncDisposable & { children: ChildProcess[] } {
  const children = Array.from({ length: count }, () => spawn('sleep', ['60'], { stdio: 'ignore' }))
  return {
    children,
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

/** A socket file without a listener: closing a server removes its file only where it made it. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer()
  await new Promise<void>((listening) => server.listen(`${path}.new`, listening))
  renameSync(`${path}.new`, path)
  await new Promise((closed) => server.close(closed))
}

test.each(['in another boot', 'in this boot'])(
  'after pids were reused %s, the next start takes no stranger for a peer',
  async (when) => {
    const dir = dataDir()
    const agents = await startAll(dir)
    await fill(agents)
    await killAll(agents)
    await using living = strangers(PEERS)
    const before = leaderRow(dir).term
    inFile(dir, (file) => {
      const boot = when === 'in another boot' ? 'a boot before this one' : undefined
      const pids = living.children.map(({ pid }) => pid)
      for (const i of pids.keys()) {
        const row = { pid: pids[i], name: `peer-${i}` }
        file.prepare('UPDATE peers SET live = 1, pid = :pid WHERE name = :name').run(row)
        file.prepare('UPDATE leader SET pid = :pid WHERE peer_name = :name').run(row)
      }
      for (const table of boot === undefined ? [] : ['peers', 'leader', 'locks', 'lock_waits'])
        file.prepare(`UPDATE ${table} SET boot_id = ?`).run(boot)
      // The boot clock had run for longer than it has now.
      file.prepare('UPDATE peers SET heartbeat_uptime = heartbeat_uptime + 1e12').run()
      file.prepare('UPDATE locks SET expires_uptime = expires_uptime + 1e12').run()
      file.prepare('UPDATE lock_waits SET until_uptime = until_uptime + 1e12').run()
    })
    for (const term of [before - 7, before - 1, before + 1]) mkdirSync(join(dir, `leader.${term}.lock`), { recursive: true })
    for (const name of ['deadbeef.sock', 'cafebabe.sock']) await leaveSocket(join(dir, 'peers', name))
    expect(sockets(dir).length).toBeGreaterThan(2)
    letTimePass(dir)

    await using next = await start(dir, 'peer-3')
    expect(leaderRow(dir).term).toBe(before + 1)
    await expectClean(next, 'peer-3')
    expect(living.children.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual(living.children.map(() => null))
    const found = await expectMail(dir, next, 'peer-3')
    report(4, {
      load: `${PEERS} peers with locks, state and mail`,
      injected: PEERS,
      acknowledged: PEERS,
      lost: PEERS - found,
      more: `all killed, pids reused ${when}, term ${before} → ${leaderRow(dir).term}, clean by itself`,
    })
  },
)

test.each([
  ['an empty directory', (path: string) => mkdirSync(path)],
  [
    'a directory with something in it',
    (path: string) => {
      mkdirSync(path)
      writeFileSync(join(path, 'x'), '')
    },
  ],
  ['a file', (path: string) => writeFileSync(path, '')],
])('a candidate that died before its commit and left %s as the guard of its term blocks no election', async (_, leave) => {
  const dir = dataDir()
  await using first = await start(dir, 'first')
  await using second = await start(dir, 'second')
  const { term } = await eventually(() => servingLeader(dir))
  leave(join(dir, `leader.${term + 1}.lock`))
  await first.kill()
  const next = await eventually(() => servingLeader(dir))
  expect(next).toMatchObject({ term: term + 1, pid: second.pid })
  expect(guards(dir)).toEqual([`leader.${term + 1}.lock`])
})
