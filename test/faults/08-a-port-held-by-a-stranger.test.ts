import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Scope } from '../../src/core/scope.ts'
import { startHttp } from '../../src/peer/leader/http.ts'
import { Agent } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { electedTerms, health, servingLeader } from '../support/leader-watch.ts'

/** A program that has nothing to do with the mesh and holds a port; the system chooses which. */
async function stranger() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    port: (server.address() as AddressInfo).port, // it listens on TCP
    get callers() {
      return sockets.size
    },
    async leave() {
      for (const socket of sockets) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}

const publishedPort = (dir: string) => Number(readFileSync(join(dir, 'port'), 'utf8'))

test('a leader whose port a stranger holds serves on another, says where, and moves home when the stranger leaves', async () => {
  const other = await stranger()
  await using agent = await Agent.start({ env: { SLM_MESH_PORT: String(other.port) } })

  const away = await servingLeader(agent)
  expect(away.port).not.toBe(other.port)
  expect(publishedPort(agent.dir)).toBe(away.port)
  expect(agent.stderr).toContain('the port is taken by another program')

  await other.leave()
  const home = await eventually(async () => {
    const leader = await servingLeader(agent)
    return leader.port === other.port && leader
  })
  expect(home.term).toBe(away.term)
  await eventually(() => publishedPort(agent.dir) === other.port)
  await eventually(async () => (await health(away.port)) === undefined)
  expect(other.callers).toBe(0)
  report(8, {
    load: 'two peers',
    injected: 1,
    more: `home taken: another port published, home again in term ${home.term}`,
  })
})

test('a new leader finds the port still held, publishes its own fallback, and goes home in its turn', async () => {
  const other = await stranger()
  const env = { SLM_MESH_PORT: String(other.port) }
  await using first = await Agent.start({ env })
  await using second = await Agent.start({ env, dir: first.dir })
  const before = await servingLeader(second)
  expect(before.pid).toBe(first.pid)

  await first.kill()
  const after = await servingLeader(second, { after: before.term })
  expect(after.pid).toBe(second.pid)
  expect(after.port).not.toBe(other.port)
  await eventually(() => publishedPort(first.dir) === after.port)

  await other.leave()
  await eventually(async () => (await health(other.port))?.term === after.term)
  await eventually(async () => (await servingLeader(second)).port === other.port)
  expect(await electedTerms(second)).toHaveLength(2)
  expect(other.callers).toBe(0)
})

test('a move home that could not be published is tried again, and both ports answer meanwhile', async () => {
  const other = await stranger()
  await using scope = new Scope()
  const published: number[] = []
  const failures: unknown[] = []
  await startHttp(scope, {
    host: '127.0.0.1',
    port: other.port,
    handler: (_request, response) => response.end(JSON.stringify({ term: 1, pid: process.pid })),
    onPort: async (port) => {
      published.push(port)
      if (published.length === 2) throw new Error('the disk is full')
    },
    onError: (error) => failures.push(error),
  })
  const [away = 0] = published
  await other.leave()
  await eventually(() => failures.length === 1)
  expect(await health(away)).toBeDefined()
  expect(await health(other.port)).toBeDefined()
  await eventually(() => published.length === 3)
  await eventually(async () => (await health(away)) === undefined)
  expect(await health(other.port)).toBeDefined()
  expect(published).toEqual([away, other.port, other.port])
  await scope[Symbol.asyncDispose]()
  expect(await health(other.port)).toBeUndefined()
})
