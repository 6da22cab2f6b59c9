import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startMesh } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { RawClient } from './raw-client.ts'

const socketsIn = (dir: string) => readdirSync(join(dir, 'peers'))
const guardsIn = (dir: string) => readdirSync(dir).filter((name) => /^leader\..*\.lock$/.test(name))

test('when the last session has ended nothing runs, and no socket or guard is left', async () => {
  const mesh = await startMesh(4)
  const { dir, agents } = mesh
  expect(socketsIn(dir)).toHaveLength(4)
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
  const mesh = await startMesh(4)
  await mesh[Symbol.asyncDispose]()
  expect(await Promise.all(mesh.agents.map(({ exited }) => exited))).toEqual(Array(4).fill({ code: 0, signal: null }))
  expect(socketsIn(mesh.dir)).toEqual([])
  expect(guardsIn(mesh.dir)).toEqual([])
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends a session as its client would: with a goodbye', async (signal) => {
  await using mesh = await startMesh(2)
  const [a, b] = mesh.agents
  if (!a || !b) throw new Error('two agents are needed')
  const name = await b.name()
  b.child.kill(signal)
  expect(await b.exited).toEqual({ code: 0, signal: null })
  const { events } = await a.call('event.read', { types: ['peer_left'] })
  expect(events.at(-1)?.payload).toMatchObject({ name, reason: 'left' })
})

test('a client that goes before it has initialised, or right after, leaves nothing behind', async () => {
  const silent = RawClient.start()
  expect(await silent.end()).toEqual({ code: 0, signal: null })
  expect(existsSync(silent.dir)).toBe(false) // it never joined, and made nothing

  for (let round = 0; round < 5; round++) {
    const hasty = RawClient.start()
    await hasty.initialize()
    expect(await hasty.end()).toEqual({ code: 0, signal: null })
    if (existsSync(join(hasty.dir, 'peers'))) await eventually(() => socketsIn(hasty.dir).length === 0)
    if (existsSync(hasty.dir)) expect(guardsIn(hasty.dir)).toEqual([])
  }
})
