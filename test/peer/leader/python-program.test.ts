import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Agent } from '../../support/agent.ts'
import { servingLeader } from '../../support/leader-watch.ts'

const PROGRAM = fileURLToPath(new URL('../../programs/rest-client.py', import.meta.url))
const PYTHON = process.platform === 'win32' ? 'python' : 'python3'

function runPython(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(PYTHON, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (err += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, out, err }))
  })
}

test('a Python program registers, talks, shares, locks and listens over the documented routes', async () => {
  await using agent = await Agent.start()
  await servingLeader(agent)
  const name = await agent.name()
  const { code, out, err } = await runPython(agent.dir)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const seen = JSON.parse(out)

  expect(seen.health).toMatchObject({ status: 'ok', pid: agent.pid })
  expect(seen.registered).toMatchObject({ status: 200, ok: true, name: 'pythonic' })
  const me = seen.registered.peerId
  for (const step of ['heartbeat', 'summary', 'subscribed', 'unsubscribed', 'unlocked'])
    expect(seen[step]).toMatchObject({ status: 200, ok: true })
  expect(seen.peers.peers.map((peer: { name: string }) => peer.name)).toContain(name)
  expect(seen.sent).toMatchObject({ ok: true, messageId: expect.stringMatching(/^m_/) })
  expect(seen.broadcast).toMatchObject({ ok: true, messageIds: [expect.any(String), expect.any(String)] })
  expect(seen.unknown).toMatchObject({
    status: 404,
    ok: false,
    code: 'unknown_peer',
    error: expect.stringContaining('nobody-at-all'),
  })
  expect(seen.inbox.messages).toMatchObject([{ fromPeer: me, payload: 'to all', type: 'alert' }])
  expect(seen.inboxAgain.messages).toEqual([])
  expect(seen.set.entry).toMatchObject({ key: 'k', value: 'v', namespace: 'py', updatedBy: me })
  expect(seen.get.entry).toEqual(seen.set.entry)
  expect(seen.list.entries).toEqual([seen.set.entry])
  expect(seen.gone).toMatchObject({ status: 200, ok: true, entry: null })
  expect(seen.locked.lock).toMatchObject({ lockedBy: me, lockedByName: 'pythonic', reason: 'writing' })
  expect(seen.refused).toMatchObject({ status: 409, ok: false, code: 'locked', error: expect.stringContaining('pythonic') })
  expect(seen.locks.locks).toEqual([seen.locked.lock])
  expect(seen.events.events.map((event: { type: string }) => event.type)).toEqual(['file_locked', 'file_unlocked'])
  expect(seen.streamed).toMatchObject({
    number: seen.locked.lock.token,
    seq: seen.locked.lock.token,
    type: 'file_locked',
    emittedBy: me,
  })
  expect(seen.left).toMatchObject([{ ok: true }, { ok: true }])

  // What it sent has reached the session.
  expect((await agent.call('message.inbox', {})).messages).toMatchObject([
    { from: { name: 'pythonic', agentType: 'aider' }, payload: 'Grüße' },
    { payload: 'to all', type: 'alert' },
  ])
})
