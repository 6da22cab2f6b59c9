import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../../src/core/log.ts'
import { Scope } from '../../../src/core/scope.ts'
import { startReaper } from '../../../src/peer/leader/reaper.ts'
import { eventually } from '../../support/eventually.ts'
import { arrival, fakeProcesses, openFakeMesh } from '../fakes.ts'

const DEAD_MS = 60_000

async function open({ everyMs = 3_600_000, beatingSince = (): number => 0 } = {}) {
  const processes = fakeProcesses()
  const mesh = await openFakeMesh(processes.isGone)
  const socketDir = join(mesh.dir, 'peers')
  mkdirSync(socketDir)
  const scope = new Scope()
  const socketOf = (pid: number) => join(socketDir, `${pid}.sock`)
  const arrive = async (pid: number) => {
    writeFileSync(socketOf(pid), '')
    return (await mesh.store.peers.join(arrival(pid, { socketPath: socketOf(pid) }))).id
  }
  const self = await arrive(1)
  /** Told of everything that the reaper asks, when it is known and has not been handed over yet. */
  let onAsked = (_what: 'clock' | 'rows' | 'process' | 'end') => {}
  const answer = <T>(what: Parameters<typeof onAsked>[0], value: T): T => {
    onAsked(what)
    return value
  }
  const { peers } = mesh.store
  const reaper = startReaper(scope, {
    store: {
      peers: {
        ...peers,
        all: async () => answer('rows', await peers.all()),
        giveUp: (row) => peers.giveUp(answer('end', row)),
      },
    },
    clock: { ...mesh.clock, uptime: () => answer('clock', mesh.clock.uptime()) },
    isGone: (process) => answer('process', processes.isGone(process)),
    selfId: () => self,
    beatingSince,
    socketDir,
    deadMs: DEAD_MS,
    everyMs,
    log: silentLog,
  })
  return {
    ...mesh,
    processes,
    reaper,
    self,
    arrive,
    socketOf,
    atEachAnswer: (happens: typeof onAsked) => {
      onAsked = happens
    },
    live: async () => (await mesh.store.peers.all()).filter(({ live }) => live === 1).map(({ id }) => id),
    reasons: async () => (await mesh.store.events.readLatest(['peer_left'], 20)).events.map(({ payload }) => payload.reason),
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]()
      mesh[Symbol.dispose]()
    },
  }
}

test('the dead and the long hung are ended and counted apart; the living, the away and the reaper itself are spared', async () => {
  await using mesh = await open()
  const crashed = [await mesh.arrive(2), await mesh.arrive(3)]
  await mesh.arrive(4) // hangs
  const away = await mesh.arrive(5)
  await mesh.store.peers.end(away, 'left', mesh.socketOf(5))
  mesh.clock.pass(DEAD_MS)
  const living = await mesh.arrive(6)
  mesh.clock.pass(1)
  for (const pid of [2, 3, 5]) mesh.processes.kill(pid)

  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 2, expired: 1 })
  expect((await mesh.live()).sort()).toEqual([mesh.self, living].sort())
  expect((await mesh.reasons()).sort()).toEqual(['crashed', 'crashed', 'expired', 'left'])
  expect(crashed.length).toBe(2)
  expect([2, 3, 4, 6].map((pid) => existsSync(mesh.socketOf(pid)))).toEqual([false, false, true, true])
  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
})

test('a peer that beats in time is never ended, whatever the wall clock says', async () => {
  await using mesh = await open()
  const id = await mesh.arrive(2)
  for (const jump of [86_400_000, -2 * 86_400_000, 0]) {
    mesh.clock.jump(jump)
    mesh.clock.pass(DEAD_MS)
    expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
    await mesh.store.peers.heartbeat(id, mesh.socketOf(2))
  }
})

test('of a silence that was everybody’s, nobody is given up: it counts from when the leader itself is heard again', async () => {
  let beatingSince = 0
  await using mesh = await open({ beatingSince: () => beatingSince })
  const living = await mesh.arrive(2)
  await mesh.arrive(3) // hangs
  mesh.clock.pass(DEAD_MS + 1)
  beatingSince = mesh.clock.uptime() // until now nobody could write
  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
  await mesh.store.peers.heartbeat(living, mesh.socketOf(2))
  mesh.clock.pass(DEAD_MS)
  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
  await mesh.store.peers.heartbeat(living, mesh.socketOf(2))
  mesh.clock.pass(1)
  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 1 })
  expect((await mesh.live()).sort()).toEqual([mesh.self, living].sort())
})

test('whenever in a round the machine falls asleep, nobody is given up for what was slept through', async () => {
  const everyMs = DEAD_MS / 4
  const slept: string[] = []
  for (let step = 0; ; step++) {
    await using mesh = await open({ everyMs })
    const living = await mesh.arrive(2)
    await mesh.arrive(3) // hangs
    let asked = 0
    mesh.atEachAnswer((what) => {
      if (asked++ !== step) return
      slept.push(what)
      mesh.clock.pass(3 * DEAD_MS)
    })
    expect(await mesh.reaper.runOnce(), `asleep at ${slept.at(-1)}`).toEqual({ crashed: 0, expired: 0 })
    if (step === slept.length) break // the round had no such step
    expect(await mesh.reaper.runOnce(), `awake after ${slept.at(-1)}`).toEqual({ crashed: 0, expired: 0 })
    for (let passed = 0; passed < DEAD_MS; passed += everyMs) {
      await mesh.store.peers.heartbeat(living, mesh.socketOf(2))
      mesh.clock.pass(everyMs)
      expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
    }
    mesh.clock.pass(1)
    expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 1 })
    expect((await mesh.live()).sort()).toEqual([mesh.self, living].sort())
  }
  expect(slept).toEqual(['clock', 'rows', 'process', 'process'])
})

test('a peer that beats while its end waits its turn lives on', async () => {
  await using mesh = await open()
  const id = await mesh.arrive(2)
  mesh.clock.pass(DEAD_MS + 1)
  let beat: Promise<boolean> | undefined
  mesh.atEachAnswer((what) => {
    if (what === 'end') beat = mesh.store.peers.heartbeat(id, mesh.socketOf(2))
  })
  expect(await mesh.reaper.runOnce()).toEqual({ crashed: 0, expired: 0 })
  expect(await beat).toBe(true)
  expect(await mesh.live()).toContain(id)
})

test('the locks of whom it ends are free', async () => {
  await using mesh = await open()
  const id = await mesh.arrive(2)
  const actor = { id, name: 'x', agentType: 'a', projectPath: '/project', gitRoot: null, repo: null }
  const path = { filePath: '/project/a', key: '/project/a', repo: null, repoPath: null }
  await mesh.store.locks.acquire(actor, { paths: [path], reason: '', ttlMs: 3_600_000, ticket: null }, 0)
  expect(await mesh.store.locks.query([])).toHaveLength(1)
  mesh.processes.kill(2)
  await mesh.reaper.runOnce()
  expect(await mesh.store.locks.query([])).toEqual([])
})

test('old socket files of nobody are swept away; young ones, those of the living and other files are spared', async () => {
  await using mesh = await open({ everyMs: 5 })
  const old = new Date(Date.now() - DEAD_MS - 60_000)
  const stray = mesh.socketOf(77)
  const young = mesh.socketOf(78)
  const other = join(mesh.dir, 'peers', 'notes.txt')
  for (const path of [young, other, stray]) writeFileSync(path, '')
  for (const path of [mesh.socketOf(1), other, stray]) utimesSync(path, old, old)
  await eventually(() => !existsSync(stray))
  expect([young, other, mesh.socketOf(1)].map(existsSync)).toEqual([true, true, true])
})
