import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { socketTransport } from '../../src/peer/transport.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { startBell } from './bell.ts'
import { memoryTransport } from './fakes.ts'

const socketPath = () => join(testDir(), 's.sock')

for (const [name, open] of [
  ['in memory', () => ({ transport: memoryTransport().transport, path: (who: string) => `/${who}` })],
  [
    'over real sockets',
    () => {
      const dir = testDir()
      return { transport: socketTransport, path: (who: string) => join(dir, `${who}.sock`) }
    },
  ],
] as const) {
  test(`a ring reaches the other peer, and only it, ${name}`, async () => {
    const { transport, path } = open()
    await using a = await startBell(transport, path('a'), 'p_a')
    await using b = await startBell(transport, path('b'), 'p_b')
    a.ring(b.target)
    a.tell(b.target, 'leader')
    await eventually(() => b.heard.rings === 1 && b.heard.leaders === 1)
    expect(a.heard).toMatchObject({ rings: 0, leaders: 0 })
  })

  test(`ringing at home needs no socket, ${name}`, async () => {
    const { transport, path } = open()
    await using a = await startBell(transport, path('a'))
    a.ring(a.target)
    expect(a.heard.rings).toBe(1)
    expect(a.linked(a.target.socketPath)).toBe(false)
  })

  test(`a ping is answered, and the answers are counted, ${name}`, async () => {
    const { transport, path } = open()
    await using a = await startBell(transport, path('a'))
    await using b = await startBell(transport, path('b'))
    expect(a.pongs(b.target.socketPath)).toBe(0)
    a.tell(b.target, 'ping')
    a.tell(b.target, 'ping')
    await eventually(() => a.pongs(b.target.socketPath) === 2)
  })

  test(`a peer that goes is missed at both ends of its links, ${name}`, async () => {
    const { transport, path } = open()
    await using a = await startBell(transport, path('a'), 'p_a')
    await using c = await startBell(transport, path('c'), 'p_c')
    const b = await startBell(transport, path('b'), 'p_b')
    a.ring(b.target)
    b.ring(c.target)
    await eventually(() => b.heard.rings === 1 && c.heard.rings === 1)
    expect(a.linked(b.target.socketPath)).toBe(true)
    await b[Symbol.asyncDispose]()
    await eventually(() => a.heard.closed.length === 1 && c.heard.closed.length === 1)
    expect([a.heard.closed, c.heard.closed]).toEqual([[b.target], [b.target]])
    expect(a.linked(b.target.socketPath)).toBe(false)
    expect(b.heard.closed).toEqual([])
  })

  test(`ringing where nobody listens is reported, and the next ring tries again, ${name}`, async () => {
    const { transport, path } = open()
    await using a = await startBell(transport, path('a'))
    const nobody = { peerId: 'p_late', socketPath: path('late') }
    a.ring(nobody)
    await eventually(() => a.heard.closed.length === 1)
    expect(a.heard.closed).toEqual([nobody])
    await using late = await startBell(transport, path('late'))
    a.ring(nobody)
    await eventually(() => late.heard.rings === 1)
  })

  test(`what is rung last, on leaving, still arrives, ${name}`, async () => {
    const { transport, path } = open()
    await using b = await startBell(transport, path('b'))
    const a = await startBell(transport, path('a'))
    a.ring(b.target)
    await a[Symbol.asyncDispose]()
    await eventually(() => b.heard.rings === 1)
    a.ring(b.target) // gone: nothing happens, and nothing throws
    expect(a.linked(b.target.socketPath)).toBe(false)
  })
}

test('after its file was removed, a socket listens again at the same path', async () => {
  await using a = await startBell(socketTransport, socketPath())
  await using b = await startBell(socketTransport, socketPath())
  rmSync(a.target.socketPath)
  await a.relisten()
  expect(existsSync(a.target.socketPath)).toBe(true)
  b.ring(a.target)
  await eventually(() => a.heard.rings === 1)
})

test('a path on which somebody listens is refused', async () => {
  await using a = await startBell(socketTransport, socketPath())
  await expect(startBell(socketTransport, a.target.socketPath)).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
