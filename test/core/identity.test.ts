import { afterEach, beforeEach, expect, test } from 'vitest'
import { suggest } from '../../src/core/identity.ts'
import type { Arrival, PeerRow } from '../../src/core/peer.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'

let bare: BareStore
beforeEach(async () => {
  bare = await bareStore()
})
afterEach(() => bare[Symbol.asyncDispose]())

const row = async (id: string): Promise<PeerRow> => {
  const found = await bare.store.peers.get(id)
  if (!found) throw new Error(`${id} is gone`)
  return found
}
/** Joins, leaves again, and returns who it was. */
async function past(arrival: Partial<Arrival>) {
  const actor = await bare.join(arrival)
  await bare.leave(actor)
  bare.clock.pass(1_000)
  return actor
}

test('the same agent in the same directory comes back as itself, the last to leave first', async () => {
  const older = await past({})
  const elsewhere = await past({ projectPath: '/elsewhere' })
  const other = await past({ agentType: 'other' })
  expect(older.id).not.toBe(elsewhere.id)
  const [a, b] = [await bare.join(), await bare.join()]
  await bare.leave(a)
  bare.clock.pass(1)
  await bare.leave(b)
  expect((await bare.join()).id).toBe(b.id)
  expect((await bare.join()).id).toBe(a.id)
  expect([older.id, b.id]).toContain(a.id)
  expect(other.id).not.toBe(a.id)
})

test('a session’s own id goes before the chosen name, and that before the place', async () => {
  const session = await past({ sessionKey: 's1', agentType: 'x' })
  const named = await past({ name: 'nova', agentType: 'x' })
  const placed = await past({ agentType: 'x' })
  expect((await bare.join({ sessionKey: 's1', name: 'nova', agentType: 'x', projectPath: '/moved' })).id).toBe(session.id)
  expect((await bare.join({ name: 'NOVA', agentType: 'y', projectPath: '/moved' })).id).toBe(named.id)
  expect((await bare.join({ agentType: 'x' })).id).toBe(placed.id)
})

test('a mailbox of a session or of a chosen name is taken by nobody else', async () => {
  const session = await past({ sessionKey: 's1' })
  const named = await past({ name: 'nova' })
  const stranger = await bare.join()
  expect([session.id, named.id]).not.toContain(stranger.id)
  expect((await bare.join({ sessionKey: 's2' })).id).not.toBe(session.id)
})

test('two that live side by side are two, whatever they claim', async () => {
  const first = await bare.join({ name: 'nova', sessionKey: 's1' })
  const second = await bare.join({ name: 'nova', sessionKey: 's1' })
  expect(second.id).not.toBe(first.id)
  expect(second.name).toBe('nova-2')
  expect((await row(second.id)).session_key).toBeNull()
  // Unless the first one’s process has ended without a word.
  bare.gone.add((await row(first.id)).pid ?? 0)
  const third = await bare.join({ name: 'nova', sessionKey: 's1' })
  expect([third.id, third.name]).toEqual([first.id, 'nova'])
  const { events } = await bare.store.events.readLatest(['peer_left'], 10)
  expect(events.map(({ payload }) => [payload.id, payload.reason])).toEqual([[first.id, 'crashed']])
})

test('a peer that was given up for dead comes back into its own mailbox', async () => {
  const peer = await bare.join()
  const socketPath = (await row(peer.id)).socket_path
  expect(await bare.store.peers.end(peer.id, 'expired', socketPath)).toBe(true)
  expect(await bare.store.peers.heartbeat(peer.id, socketPath ?? '')).toBe(false)
  const back = await bare.join({ returning: peer, ...(socketPath && { socketPath }) })
  expect(back.id).toBe(peer.id)
  expect(await bare.store.peers.heartbeat(peer.id, socketPath ?? '')).toBe(true)
})

test('an end that is meant for an earlier process does not end the one that has come since', async () => {
  const peer = await bare.join()
  const earlier = (await row(peer.id)).socket_path
  await bare.leave(peer)
  expect((await bare.join()).id).toBe(peer.id)
  expect(await bare.store.peers.end(peer.id, 'crashed', earlier)).toBe(false)
  expect((await row(peer.id)).live).toBe(1)
})

test('a session that is recognised late moves into its old mailbox, with the mail that came meanwhile', async () => {
  const old = await past({ sessionKey: 's1', name: 'nova' })
  const sender = await bare.join({ agentType: 'sender' })
  const send = bare.caller(sender)
  await send('message.send', { to: 'nova', message: 'to the old one' })
  const late = await bare.join({ agentType: 'late', socketPath: '/sock/late' })
  await send('message.send', { to: late.id, message: 'to the new one' })
  const { project_path, ...process } = await row(late.id)
  const arrival: Arrival = {
    ...{ kind: 'session', agentType: 'late', projectPath: project_path, gitRoot: null, gitBranch: null, repo: null },
    process: { pid: process.pid ?? 0, startedAt: '1', bootId: bare.clock.bootId, pidNamespace: '' },
    socketPath: '/sock/late',
  }
  const claimed = await bare.store.peers.claimSession(late.id, 's1', arrival)
  expect(claimed).toEqual({ id: old.id, returned: true })
  expect(await bare.store.peers.get(late.id)).toBeUndefined()
  const inbox = await bare.caller({ ...late, id: old.id })('message.inbox', {})
  expect(inbox.messages.map((m) => m.payload)).toEqual(['to the old one', 'to the new one'])
})

test('names that resemble a misspelt one are suggested, nearest first', () => {
  const names = ['brave-otter', 'brave-ocelot', 'calm-heron', 'nova']
  expect(suggest('brave-oter', names)[0]).toBe('brave-otter')
  expect(suggest('NOVA2', names)).toEqual(['nova'])
  expect(suggest('zzzzzzzzzzzzzzzzzzzzzzzz', names)).toEqual(expect.arrayContaining(names))
  expect(
    suggest(
      'x',
      Array.from({ length: 50 }, (_, i) => `peer-${i}`),
    ),
  ).toHaveLength(5)
})
