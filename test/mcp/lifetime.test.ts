import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent, startMesh } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { eventually } from '../support/eventually.ts'
import { scaled } from '../support/scale.ts'
import { RawClient } from './raw-client.ts'

/** How often a client goes at each of the moments. */
const ROUNDS = scaled(2, 10)

const socketsIn = (dir: string) => readdirSync(join(dir, 'peers'))
const guardsIn = (dir: string) => readdirSync(dir).filter((name) => /^leader\..*\.lock$/.test(name))

test('when the last session has ended nothing runs, and no socket or guard is left', async () => {
  const mesh = await startMesh(3)
  const { dir, agents } = mesh
  expect(socketsIn(dir)).toHaveLength(3)
  expect(guardsIn(dir)).toHaveLength(1)
  await agents[0]?.call('message.send', { to: 'all', message: 'x' }) // opens links
  // The leader goes first, or last, or in between: whoever follows it must clean up as well.
  for (const agent of agents) {
    await agent[Symbol.asyncDispose]()
    expect(await agent.exited).toEqual({ code: 0, signal: null })
    expect(() => process.kill(agent.pid, 0)).toThrow()
  }
  expect(socketsIn(dir)).toEqual([])
  expect(guardsIn(dir)).toEqual([])
  await mesh[Symbol.asyncDispose]()
})

test('all of them ending at once leaves nothing either', async () => {
  const mesh = await startMesh(3)
  await mesh[Symbol.asyncDispose]()
  expect(await Promise.all(mesh.agents.map(({ exited }) => exited))).toEqual(Array(3).fill({ code: 0, signal: null }))
  expect(socketsIn(mesh.dir)).toEqual([])
  expect(guardsIn(mesh.dir)).toEqual([])
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends a session as its client would: with a goodbye', async (signal) => {
  await using a = await companion()
  await using b = await Agent.start({ dir: a.dir })
  const name = await b.name()
  b.child.kill(signal)
  expect(await b.exited).toEqual({ code: 0, signal: null })
  const { events } = await a.call('event.read', { types: ['peer_left'] })
  expect(events.at(-1)?.payload).toMatchObject({ name, reason: 'left' })
})

test('a client that goes before it has initialised never joined, and made nothing', async () => {
  const silent = RawClient.start()
  expect(await silent.end()).toEqual({ code: 0, signal: null })
  expect(existsSync(silent.dir)).toBe(false)
})

test.each<[string, (dir: string) => boolean]>([
  ['has just initialised', () => true],
  ['has made its directory', (dir) => existsSync(dir)],
  ['has made the database', (dir) => existsSync(join(dir, 'mesh.db'))],
  ['listens', (dir) => existsSync(join(dir, 'peers')) && socketsIn(dir).length > 0],
  ['leads', (dir) => existsSync(dir) && guardsIn(dir).length > 0],
])('a client that goes when its server %s leaves nothing behind', async (_, when) => {
  for (let round = 0; round < ROUNDS; round++) {
    const hasty = RawClient.start()
    await hasty.initialize()
    await eventually(() => when(hasty.dir), { every: 1 })
    expect(await hasty.end()).toEqual({ code: 0, signal: null })
    if (existsSync(join(hasty.dir, 'peers'))) expect(socketsIn(hasty.dir)).toEqual([])
    if (existsSync(hasty.dir)) expect(guardsIn(hasty.dir)).toEqual([])
  }
})
