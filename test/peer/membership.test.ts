import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../src/core/log.ts'
import { Scope } from '../../src/core/scope.ts'
import { startMembership } from '../../src/peer/membership.ts'
import { arrival, fakeClock, fakeProcesses, openFakeMesh } from './fakes.ts'

/** Longer than a test: every beat is called by hand. */
const HEARTBEAT_MS = 3_600_000

async function open(clock = fakeClock()) {
  const processes = fakeProcesses()
  const mesh = await openFakeMesh(processes.isGone, clock)
  const scope = new Scope()
  const self = { id: (await mesh.store.peers.join(arrival(1))).id, socketPath: arrival(1).socketPath }
  const did = { lost: 0, beats: 0, looks: 0 }
  let onLook = () => {}
  const membership = startMembership(scope, {
    store: mesh.store,
    clock: mesh.clock,
    isGone(process) {
      did.looks++
      onLook()
      return processes.isGone(process)
    },
    self: () => self,
    heartbeatMs: HEARTBEAT_MS,
    log: silentLog,
    onLost: async () => void did.lost++,
    onHeartbeat: () => did.beats++,
  })
  return {
    ...mesh,
    processes,
    membership,
    self,
    did,
    /** What happens between two looks at a process. */
    atEachLook: (happens: () => void) => {
      onLook = happens
    },
    async arrive(pid: number, socketPath = join(mesh.dir, `${pid}.sock`)) {
      writeFileSync(socketPath, '')
      const { id } = await mesh.store.peers.join(arrival(pid, { socketPath }))
      return { peerId: id, socketPath }
    },
    live: async (id: string) => (await mesh.store.peers.get(id))?.live === 1,
    async [Symbol.asyncDispose]() {
      await scope[Symbol.asyncDispose]()
      mesh[Symbol.dispose]()
    },
  }
}

const types = async (mesh: Awaited<ReturnType<typeof open>>) =>
  (await mesh.store.events.readLatest(['peer_left'], 10)).events.map(({ payload }) => payload.reason)

test('a peer whose process is gone is ended, its socket is removed, and its leaving is told as a crash', async () => {
  await using mesh = await open()
  const peer = await mesh.arrive(2)
  mesh.processes.kill(2)
  expect(await mesh.membership.look(peer)).toBe(true)
  expect(await mesh.live(peer.peerId)).toBe(false)
  expect(existsSync(peer.socketPath)).toBe(false)
  expect(await types(mesh)).toEqual(['crashed'])
})

test('a closed link of a living process means nothing', async () => {
  await using mesh = await open()
  const peer = await mesh.arrive(2)
  mesh.atEachLook(() => mesh.clock.pass(100))
  expect(await mesh.membership.look(peer)).toBe(false)
  expect(mesh.did.looks).toBeGreaterThan(2) // it looked closely for a while
  expect(await mesh.live(peer.peerId)).toBe(true)
  expect(existsSync(peer.socketPath)).toBe(true)
})

test('a process that takes a moment to be gone is noticed within that moment', async () => {
  await using mesh = await open()
  const peer = await mesh.arrive(2)
  mesh.atEachLook(() => {
    if (mesh.did.looks === 3) mesh.processes.kill(2)
    mesh.clock.pass(1)
  })
  expect(await mesh.membership.look(peer)).toBe(true)
  expect(mesh.did.looks).toBe(3)
})

test('a peer that has left, or come back on another socket, is left alone', async () => {
  await using mesh = await open()
  const peer = await mesh.arrive(2)
  await mesh.store.peers.end(peer.peerId, 'left', peer.socketPath)
  mesh.processes.kill(2)
  expect(await mesh.membership.look(peer)).toBe(false)

  const back = await mesh.store.peers.join(arrival(3, { agentType: 'agent-2', socketPath: join(mesh.dir, '3.sock') }))
  expect(back.id).toBe(peer.peerId) // the same mailbox
  expect(await mesh.membership.look(peer)).toBe(false)
  expect(await mesh.live(peer.peerId)).toBe(true)
  expect(await types(mesh)).toEqual(['left'])
})

test('of many who notice, one ends the peer', async () => {
  await using mesh = await open()
  const peer = await mesh.arrive(2)
  mesh.processes.kill(2)
  const answers = await Promise.all(Array.from({ length: 5 }, () => mesh.membership.look(peer)))
  expect(answers).toEqual([true, true, true, true, true]) // one look, shared
  expect(mesh.did.looks).toBe(1)
  expect(await mesh.membership.look(peer)).toBe(false)
  expect(await types(mesh)).toEqual(['crashed'])
})

test('a beat keeps a peer active; without one it turns stale', async () => {
  await using mesh = await open()
  const status = async () => {
    const row = await mesh.store.peers.get(mesh.self.id)
    return row && mesh.store.peers.toPeer(row).status
  }
  mesh.clock.pass(30_000)
  expect(await status()).toBe('active')
  mesh.clock.pass(1)
  expect(await status()).toBe('stale')
  await mesh.membership.heartbeat()
  expect(await status()).toBe('active')
  mesh.clock.jump(86_400_000)
  expect(await status()).toBe('active') // how long is asked of the clock that does not jump
  expect(mesh.did).toMatchObject({ beats: 1, lost: 0 })
})

test('a peer that was given up for dead learns it with its next beat', async () => {
  await using mesh = await open()
  await mesh.store.peers.end(mesh.self.id, 'expired', mesh.self.socketPath)
  await mesh.membership.heartbeat()
  expect(mesh.did).toMatchObject({ beats: 1, lost: 1 })
  expect(await mesh.live(mesh.self.id)).toBe(false) // the beat alone brings nobody back
})

test('a peer knows since when its beats have reached the file without a gap', async () => {
  await using mesh = await open()
  const begun = mesh.membership.beatingSince()
  mesh.clock.pass(2 * HEARTBEAT_MS)
  expect(mesh.membership.beatingSince()).toBe(begun) // late, which any beat may be
  await mesh.membership.heartbeat()
  mesh.clock.pass(2 * HEARTBEAT_MS + 1)
  expect(mesh.membership.beatingSince()).toBe(mesh.clock.uptime()) // not at all, for now
  mesh.clock.pass(5)
  await mesh.membership.heartbeat()
  const again = mesh.clock.uptime()
  mesh.clock.pass(HEARTBEAT_MS)
  await mesh.membership.heartbeat()
  expect(mesh.membership.beatingSince()).toBe(again)
})

test('whenever in a beat the machine falls asleep, it is known as a gap', async () => {
  let slept = 0
  for (let step = 0; step === slept; step++) {
    const clock = fakeClock()
    /** How often a beat has asked for the time; before it, and after, nobody counts. */
    let asked = Number.NaN
    const uptime = () => {
      const now = clock.uptime()
      if (asked++ === step) {
        slept++
        clock.pass(3 * HEARTBEAT_MS)
      }
      return now
    }
    await using mesh = await open({ ...clock, uptime })
    asked = 0
    await mesh.membership.heartbeat()
    asked = Number.NaN
    expect(mesh.membership.beatingSince()).toBe(clock.uptime())
    await mesh.membership.heartbeat()
    expect(mesh.membership.beatingSince()).toBe(clock.uptime())
  }
  expect(slept).toBeGreaterThan(0)
})
