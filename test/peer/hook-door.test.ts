import { createConnection } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MAX_FRAME_BYTES } from '../../src/peer/frames.ts'
import type { HookCall } from '../../src/peer/hook.ts'
import { askPeer, HookUnanswered } from '../../src/peer/hook-door.ts'
import { socketTransport } from '../../src/peer/transport.ts'
import { testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { startBell } from './bell.ts'

const never = new AbortController().signal
const call: HookCall = { agent: 'codex', moment: 'before-edit', paths: ['a.ts'], cwd: '/x', autoLock: true }

/** A session's doorbell over a real socket, and what became of each answer. */
async function session() {
  const bell = await startBell(socketTransport, join(testDir(), 's.sock'))
  const seen: { calls: HookCall[]; left: boolean[] } = { calls: [], left: [] }
  bell.hooks.handler = async (asked, { afterAnswer }) => {
    seen.calls.push(asked)
    afterAnswer(async (left) => void seen.left.push(left))
    return { context: `for ${asked.moment}` }
  }
  return { ...bell, seen, path: bell.target.socketPath }
}

test('a hook is told what its session says, and what it was told counts as shown once it has said so', async () => {
  await using it = await session()
  const told = await askPeer(it.path, call, { signal: never })
  expect(told.answer).toEqual({ context: 'for before-edit' })
  expect(it.seen).toEqual({ calls: [call], left: [] })
  await told.left()
  await eventually(() => it.seen.left.length === 1)
  expect(it.seen.left).toEqual([true])
})

test('a hook that ends before its agent has read it has shown nothing', async () => {
  await using it = await session()
  const told = await askPeer(it.path, call, { signal: never })
  told.close()
  await eventually(() => it.seen.left.length === 1)
  expect(it.seen.left).toEqual([false])
})

test('however many files an edit names, all arrive, in their order', async () => {
  await using it = await session()
  const paths = Array.from({ length: 300 }, (_, i) => `/project/${'ünicode/'.repeat(i % 20)}${i}.ts`)
  const told = await askPeer(it.path, { ...call, paths }, { signal: never })
  await told.left()
  expect(it.seen.calls[0]?.paths).toEqual(paths)
  await expect(askPeer(it.path, { ...call, paths: ['x'.repeat(MAX_FRAME_BYTES)] }, { signal: never })).rejects.toThrow('too long')
})

test('a hook whose session is not there, hangs, fails or ends is not answered', async () => {
  await expect(askPeer(join(testDir(), 'nobody.sock'), call, { signal: never })).rejects.toThrow(HookUnanswered)

  await using it = await session()
  it.hooks.handler = async () => {
    throw new Error('a bug')
  }
  await expect(askPeer(it.path, call, { signal: never })).rejects.toThrow('closed the line')

  it.hooks.handler = () => new Promise(() => {})
  const patience = new AbortController()
  const hanging = askPeer(it.path, call, { signal: patience.signal })
  patience.abort()
  await expect(hanging).rejects.toThrow('too long')

  const left = askPeer(it.path, call, { signal: never })
  await it[Symbol.asyncDispose]()
  await expect(left).rejects.toThrow(HookUnanswered)
})

test('a session learns that its hook has gone while it waits for something to say', async () => {
  await using it = await session()
  let gone = false
  it.hooks.handler = (_, { signal }) =>
    new Promise(() =>
      signal.addEventListener('abort', () => {
        gone = true
      }),
    )
  const socket = createConnection(it.path)
  socket.write('{"k":"ask","agent":"claude-code","moment":"idle"}\n')
  socket.on('error', () => {})
  await eventually(() => socket.bytesWritten > 0 && !socket.connecting)
  socket.destroy()
  await eventually(() => gone)
})

test('an agent without a session of ours at the other end has nothing to say', async () => {
  await using bell = await startBell(socketTransport, join(testDir(), 's.sock'))
  const told = await askPeer(bell.target.socketPath, call, { signal: never })
  expect(told.answer).toEqual({})
  told.close()
})
