import { readFileSync } from 'node:fs'
import { get, Agent as HttpAgent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Bell } from '../../src/core/bell.ts'
import { systemClock } from '../../src/core/clock.ts'
import { readConfig } from '../../src/core/config.ts'
import { silentLog } from '../../src/core/log.ts'
import { layoutOf } from '../../src/core/paths.ts'
import { Scope } from '../../src/core/scope.ts'
import { openStore } from '../../src/core/store.ts'
import { startLeader } from '../../src/peer/leader/leader.ts'
import { Agent } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { health, servingLeader } from '../support/health.ts'
import { elections, guards, inFile, leaderRow } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'
import { suspend } from '../support/suspend.ts'

const STOPS = scaled(1, 20)
/** The shortest lease there is: a leader that is silent for half of it is replaced. */
const LEASE_MS = 3_000
const QUICK = {
  SLM_MESH_LEASE_MS: `${LEASE_MS}`,
  SLM_MESH_HEARTBEAT_MS: '300',
  SLM_MESH_STALE_MS: '900',
  SLM_MESH_DEAD_MS: '2000',
}
/** Longer than a leader may hang, and longer than a peer may be silent. */
const SLEEP_MS = 2_500
/** Longer than a leader may hang, and so short that nobody can tell that it was a sleep. */
const NAP_MS = 1_600
const start = (dir: string, name: string, settings: Record<string, string> = {}) =>
  Agent.start({ dir, env: { SLM_MESH_NAME: name, SLM_MESH_LEASE_MS: `${LEASE_MS}`, ...settings } })

/** Asks `/health` over a connection that is kept open. Resolves to the status, or to what went wrong. */
const ask = (port: number, connection: HttpAgent) =>
  new Promise<number | Error | undefined>((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/health', agent: connection }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    request.once('error', resolve)
  })

const publishedFiles = (dir: string) => ['leader.token', 'port'].map((name) => readFileSync(join(dir, name), 'utf8'))

test(
  'a leader stopped past its lease is replaced, and when it wakes it serves nothing, writes nothing and follows',
  async () => {
    const dir = dataDir()
    await using a = await start(dir, 'a')
    await using b = await start(dir, 'b')
    await using c = await start(dir, 'c')
    const agents = [a, b, c]
    const first = await eventually(() => servingLeader(dir))
    let serving = first
    for (let stop = 0; stop < STOPS; stop++) {
      const old = agents.find(({ pid }) => pid === serving.pid)
      const others = agents.filter((agent) => agent !== old)
      if (!old) throw new Error('an unknown process leads')
      const connection = new HttpAgent({ keepAlive: true, maxSockets: 1 })
      expect(await ask(serving.port, connection)).toBe(200)
      await suspend(old)
      // The kernel takes this request for the stopped leader, which will find it when its term is over.
      const held = ask(serving.port, connection)
      const next = await eventually(async () => {
        await others[0]?.call('message.send', { to: await others[1]!.name(), message: 'meanwhile' })
        const now = await servingLeader(dir)
        return now && now.term > serving.term && now
      })
      expect(next.term).toBe(serving.term + 1)
      const files = publishedFiles(dir)
      const row = leaderRow(dir)

      old.child.kill('SIGCONT')
      expect(await held).not.toBe(200)
      connection.destroy()
      await eventually(async () => {
        const refused = await health(serving.port).catch((error: unknown) => error)
        return refused instanceof TypeError // fetch's word for a connection that is refused
      })
      const { leader } = await old.call('mesh.status', {})
      expect(leader).toMatchObject({ term: next.term, pid: next.pid, port: next.port })
      await eventually(() => guards(dir).length === 1)
      expect(guards(dir)).toEqual([`leader.${next.term}.lock`])
      expect(leaderRow(dir)).toEqual(row)
      expect(publishedFiles(dir)).toEqual(files)
      serving = await eventually(() => servingLeader(dir))
      expect(serving).toEqual(next)
    }
    expect(elections(dir).map(({ term, because }) => `${term} ${because}`)).toEqual([
      `${first.term} vacant`,
      ...Array.from({ length: STOPS }, (_, i) => `${first.term + i + 1} hung`),
    ])
    report(5, {
      load: 'peers that watch row, files and ports',
      injected: STOPS,
      more: `leader stopped past its lease, terms ${first.term} → ${serving.term}, the old ones silent`,
    })
  },
  patience(30_000),
)

test('from the moment in which its term is over, a leader serves nothing, whether or not it has noticed', async () => {
  const dir = dataDir()
  await using a = await start(dir, 'a')
  await using b = await start(dir, 'b')
  const { port, term } = await eventually(() => servingLeader(dir))
  const connection = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  expect(await ask(port, connection)).toBe(200)
  const move = `UPDATE leader SET (term, peer_id, peer_name, pid, process_start, socket_path) =
    (SELECT term + 1, id, name, pid, process_start, socket_path FROM peers WHERE name = 'b')`
  inFile(dir, (file) => file.prepare(move).run())
  expect(await ask(port, connection)).not.toBe(200)
  connection.destroy()
  const next = await eventually(() => servingLeader(dir))
  expect(next.term).toBeGreaterThan(term)
  expect((await a.call('mesh.status', {})).leader).toMatchObject({ pid: next.pid, term: next.term })
  expect((await b.call('mesh.status', {})).leader).toMatchObject({ pid: next.pid, term: next.term })
})

test('a leader that was stopped between its election and its duties leaves the token and the port of its successor alone', async () => {
  const dir = dataDir()
  await using successor = await start(dir, 'successor')
  const { term } = await eventually(() => servingLeader(dir))
  const files = publishedFiles(dir)
  await using scope = new Scope()
  const layout = layoutOf(dir)
  const { store, database } = await openStore(layout.database, {
    clock: systemClock,
    staleMs: 1_000,
    ring: () => {},
    isGone: () => false,
  })
  scope.defer(() => database[Symbol.dispose]())
  const duties = startLeader(scope, {
    term: term - 1,
    store,
    database,
    config: readConfig(meshEnv(dir)),
    layout,
    clock: systemClock,
    self: () => ({ id: 'p_old', socketPath: join(layout.sockets, 'old.sock') }),
    isGone: () => false,
    beatingSince: () => 0,
    log: silentLog,
    onDeposed: () => {},
    bell: new Bell(),
    handOn: async () => {},
  })
  await expect(duties).rejects.toMatchObject({ code: 'not_leader' })
  expect(publishedFiles(dir)).toEqual(files)
  expect((await successor.call('mesh.status', {})).leader).toMatchObject({ term })
})

/** Stops a whole mesh for longer than a hung leader is given, and wakes it: the leader first, or last. */
async function sleepAndWake(sleepMs: number, leaderFirst: boolean): Promise<void> {
  const dir = dataDir()
  await using a = await start(dir, 'a', QUICK)
  await using b = await start(dir, 'b', QUICK)
  await using c = await start(dir, 'c', QUICK)
  const agents = [a, b, c]
  for (const agent of agents) await agent.call('lock.acquire', { filePath: `file of ${await agent.name()}` })
  const before = await eventually(() => servingLeader(dir))
  const leader = agents.filter(({ pid }) => pid === before.pid)
  const followers = agents.filter(({ pid }) => pid !== before.pid)
  for (const agent of agents) agent.child.kill('SIGSTOP')
  await sleep(sleepMs) // no synchronisation: the fault itself
  const [first, last] = leaderFirst ? [leader, followers] : [followers, leader]
  for (const agent of first) agent.child.kill('SIGCONT')
  for (const agent of first) await agent.call('mesh.status', {}) // it is awake
  for (const agent of last) agent.child.kill('SIGCONT')
  const awakeAt = Date.now()

  // Until everybody has lived for longer than a hung leader is given; the reaper has looked several times by then.
  await eventually(async () => {
    const { peers, self } = await a.call('peer.list', {})
    return [...peers, self].every(({ lastHeartbeat }) => Date.parse(lastHeartbeat) > awakeAt + LEASE_MS / 2)
  })
  expect(await servingLeader(dir)).toEqual(before)
  expect(elections(dir).map(({ term }) => term)).toEqual([before.term])
  expect((await a.call('event.read', { types: ['peer_left', 'file_unlocked'] })).events).toEqual([])
  expect((await a.call('lock.query', {})).locks).toHaveLength(3)
}

test('a machine that slept and wakes keeps its leader, its peers and their locks, however long it slept and whoever wakes first', async () => {
  const ends = await Promise.allSettled(
    [SLEEP_MS, NAP_MS].flatMap((sleepMs) => [sleepAndWake(sleepMs, true), sleepAndWake(sleepMs, false)]),
  )
  expect(ends).toEqual(ends.map(() => ({ status: 'fulfilled', value: undefined })))
})
