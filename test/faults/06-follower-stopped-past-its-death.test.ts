import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { inFile, sockets } from '../support/mesh-file.ts'
import { suspend } from '../support/suspend.ts'

/** A beat, an age at which it is missed, and one at which the peer is given up: 90 seconds' worth in two. */
const QUICK = { SLM_MESH_HEARTBEAT_MS: '200', SLM_MESH_STALE_MS: '700', SLM_MESH_DEAD_MS: '1800' }
const start = (dir: string, more: Record<string, string> = {}) => Agent.start({ dir, env: { ...QUICK, ...more } })

test('a follower that hangs is seen stale, then away with its locks freed; when it wakes it is itself again, with its mail', async () => {
  const dir = dataDir()
  await using leader = await start(dir, { SLM_MESH_NAME: 'leader' })
  await using sleeper = await start(dir)
  await using waiter = await start(dir, { SLM_MESH_NAME: 'waiter' })
  const { self } = await sleeper.call('peer.list', {})
  const seen = async (by: Agent) => (await by.call('peer.list', {})).peers.find(({ id }) => id === self.id)
  const holders = async () => (await leader.call('lock.query', {})).locks.map(({ lockedBy }) => lockedBy.name)
  await sleeper.call('lock.acquire', { filePath: ['wanted', 'unwanted'] })
  await sleeper.call('event.subscribe', { types: ['x_news'] })
  expect((await seen(leader))?.status).toBe('active')

  await suspend(sleeper)
  const granted = waiter.call('lock.acquire', { filePath: 'wanted', wait: 60 })
  const statuses = new Set<string>()
  await eventually(async () => {
    const status = (await seen(leader))?.status ?? 'unknown'
    statuses.add(status)
    if (status === 'stale') expect((await holders()).filter((name) => name === self.name)).toHaveLength(2)
    return status === 'away'
  })
  expect([...statuses].filter((status) => status !== 'active')).toEqual(['stale', 'away'])
  const { events } = await leader.call('event.read', { types: ['peer_left'] })
  expect(events.map(({ payload }) => [payload.name, payload.reason])).toEqual([[self.name, 'expired']])
  expect((await granted).lock?.lockedBy.name).toBe('waiter')
  expect(await holders()).toEqual(['waiter'])

  const { recipients } = await leader.call('message.send', { to: self.id, message: 'you hang' })
  expect(recipients).toMatchObject([{ name: self.name, away: true }])
  await leader.call('event.emit', { types: ['x_news'], payload: { of: 'the meantime' } })
  sleeper.child.kill('SIGCONT')
  await eventually(async () => (await seen(leader))?.status === 'active')
  expect((await sleeper.call('peer.list', {})).self).toMatchObject({ id: self.id, name: self.name, status: 'active' })
  const { messages } = await sleeper.call('message.inbox', {})
  expect(messages.map(({ payload }) => payload)).toEqual(['you hang'])
  const { events: news } = await sleeper.call('event.read', {})
  expect(news.map(({ payload }) => payload)).toEqual([{ of: 'the meantime' }])
  expect(await holders()).toEqual(['waiter'])

  // Its bell rings again, it can be given up again when it crashes, and there is one row and one socket a peer.
  const waiting = sleeper.call('message.inbox', { wait: 60 })
  await leader.call('message.send', { to: self.name, message: 'welcome back' })
  expect((await waiting).messages.map(({ payload }) => payload)).toEqual(['welcome back'])
  expect(inFile(dir, (file) => file.prepare("SELECT count(*) FROM peers WHERE kind <> 'known'").pluck().get())).toBe(3)
  await eventually(() => sockets(dir).length === 3)
  await sleeper.kill()
  await eventually(async () => (await seen(leader))?.status === 'away')
  expect(leader.stderr + waiter.stderr + sleeper.stderr).toBe('')
  report(6, {
    load: 'a follower with two locks, one of them waited for',
    injected: 1,
    acknowledged: 2,
    lost: 0,
    more: `${[...statuses].join(' → ')}, back under its name with its mail`,
  })
})

test('a follower that wakes after another session has taken up its name becomes a peer of its own, and both get their mail', async () => {
  const dir = dataDir()
  await using leader = await start(dir, { SLM_MESH_NAME: 'leader' })
  await using sleeper = await start(dir)
  const { self } = await sleeper.call('peer.list', {})
  const seen = async () => (await leader.call('peer.list', {})).peers
  await suspend(sleeper)
  await eventually(async () => (await seen()).every(({ status }) => status === 'away'))
  await using heir = await start(dir) // the same agent in the same directory, whose earlier process is given up
  expect((await heir.call('peer.list', {})).self.id).toBe(self.id)

  sleeper.child.kill('SIGCONT')
  const both = await eventually(async () => {
    const peers = await seen()
    return peers.length === 2 && peers.every(({ status }) => status === 'active') && peers
  })
  const awake = (await sleeper.call('peer.list', {})).self
  expect(both.map(({ id }) => id).sort()).toEqual([self.id, awake.id].sort())
  expect(awake.name).not.toBe(self.name)
  for (const { id, name } of both) await leader.call('message.send', { to: id, message: `for ${name}` })
  const read = async (agent: Agent) => (await agent.call('message.inbox', { wait: 10 })).messages.map(({ payload }) => payload)
  expect(await read(heir)).toEqual([`for ${self.name}`])
  expect(await read(sleeper)).toEqual([`for ${awake.name}`])
})
