import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encode, MAX_FRAME_BYTES } from '../../src/peer/frames.ts'
import { type Connection, socketTransport, type Transport } from '../../src/peer/transport.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { startBell } from './bell.ts'
import { memoryTransport } from './fakes.ts'

/** What a reader who takes nothing may cost its sender: 64 KiB and the frame that was on its way. */
const MAX_PENDING_BYTES = 64 * 1024 + MAX_FRAME_BYTES
const MANY = 50_000

/** The real sockets, with an eye on what this process has to keep for the other side. */
function watched() {
  const connections: Connection[] = []
  const transport: Transport = {
    listen: (path, accept) =>
      socketTransport.listen(path, (connection) => {
        connections.push(connection)
        return accept(connection)
      }),
    connect(path, handlers) {
      const connection = socketTransport.connect(path, handlers)
      connections.push(connection)
      return connection
    },
  }
  return { transport, pending: () => Math.max(0, ...connections.map((connection) => connection.pendingBytes)) }
}

const socketPath = () => join(testDir(), 's.sock')

async function dial(path: string): Promise<Socket> {
  const socket = createConnection(path)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}
const closed = (socket: Socket) =>
  new Promise<void>((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())))

test('a reader who takes nothing costs a bounded amount, and the others are still rung', async () => {
  const { transport, stalled, ends } = memoryTransport()
  await using a = await startBell(transport, '/a')
  await using slow = await startBell(transport, '/slow')
  await using quick = await startBell(transport, '/quick')
  stalled.add('/slow')
  for (let i = 0; i < MANY; i++) a.ring(slow.target)
  a.ring(quick.target)
  await eventually(() => quick.heard.rings === 1)
  const pending = Math.max(...ends.filter(({ path }) => path === '/slow').map((end) => end.pendingBytes()))
  expect(pending).toBeLessThanOrEqual(MAX_PENDING_BYTES)
  expect(slow.heard.rings).toBe(0)
})

test('a real socket that is never drained costs a bounded amount, in either direction', async () => {
  const { transport, pending } = watched()
  const dir = testDir()
  const accepted: Socket[] = []
  const deaf = createServer((socket) => accepted.push(socket.pause()))
  await new Promise<void>((resolve) => deaf.listen(join(dir, 'deaf.sock'), resolve))
  const a = await startBell(transport, join(dir, 'a.sock'))
  try {
    const target = { peerId: 'p_deaf', socketPath: join(dir, 'deaf.sock') }
    for (let i = 0; i < MANY; i++) a.ring(target)
    await eventually(() => accepted.length === 1)
    for (let i = 0; i < MANY; i++) a.ring(target)
    const sent = pending()
    expect(sent).toBeLessThanOrEqual(MAX_PENDING_BYTES)
    expect(sent).toBeGreaterThan(32 * 1024) // it was in fact full

    // And one that asks without end and never reads the answers.
    const asker = await dial(a.target.socketPath)
    asker.pause()
    asker.write(`${encode({ k: 'ping' }).repeat(MANY)}${encode({ k: 'ring' })}`)
    await eventually(() => a.heard.rings === 1)
    expect(pending()).toBeLessThanOrEqual(MAX_PENDING_BYTES)
    asker.destroy()
  } finally {
    await a[Symbol.asyncDispose]()
    for (const socket of accepted) socket.destroy()
    deaf.close()
  }
})

test.each([
  ['garbage', 'GET / HTTP/1.1\r\n\r\n'],
  ['a line of 1 MB', 'x'.repeat(1_000_000)],
  ['a known kind that is malformed', '{"k":"hello","v":"x"}\n'],
  ['binary', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
])('%s closes the connection it came on and no other', async (_, bytes) => {
  await using a = await startBell(socketTransport, socketPath())
  const good = await dial(a.target.socketPath)
  const bad = await dial(a.target.socketPath)
  bad.write(bytes)
  await closed(bad)
  good.write(encode({ k: 'ring' }))
  await eventually(() => a.heard.rings === 1)
  expect(good.destroyed).toBe(false)
  good.destroy()
})

test('frames before the garbage count', async () => {
  await using a = await startBell(socketTransport, socketPath())
  const socket = await dial(a.target.socketPath)
  socket.write(encode({ k: 'hello', v: 1, peer: 'p_b', socket: '/b.sock' }))
  socket.write(encode({ k: 'ring' }))
  await eventually(() => a.heard.rings === 1)
  socket.write('garbage\n')
  await closed(socket)
  await eventually(() => a.heard.closed.length === 1)
  expect(a.heard.closed).toEqual([{ peerId: 'p_b', socketPath: '/b.sock' }])
})

test('half a frame is waited for, and half a frame at the end harms nobody', async () => {
  await using a = await startBell(socketTransport, socketPath())
  const socket = await dial(a.target.socketPath)
  const ring = encode({ k: 'ring' })
  socket.write(ring + ring.slice(0, 5))
  await eventually(() => a.heard.rings === 1)
  socket.write(ring.slice(5) + ring.slice(0, 3))
  await eventually(() => a.heard.rings === 2)
  socket.destroy()
  const next = await dial(a.target.socketPath)
  next.write(ring)
  await eventually(() => a.heard.rings === 3)
  next.destroy()
})

test('kinds of newer peers are passed over, and the connection stays', async () => {
  await using a = await startBell(socketTransport, socketPath())
  const socket = await dial(a.target.socketPath)
  socket.write('{"k":"dance","partner":{"of":"honour"}}\n')
  socket.write(encode({ k: 'ring' }))
  await eventually(() => a.heard.rings === 1)
  expect(socket.destroyed).toBe(false)
  socket.destroy()
})

test('a caller who never said who it is goes unmissed', async () => {
  await using a = await startBell(socketTransport, socketPath())
  const socket = await dial(a.target.socketPath)
  socket.write(encode({ k: 'ring' }))
  await eventually(() => a.heard.rings === 1)
  socket.destroy()
  await using b = await startBell(socketTransport, socketPath(), 'p_b')
  b.ring(a.target)
  await eventually(() => a.heard.rings === 2)
  expect(a.heard.closed).toEqual([])
})
