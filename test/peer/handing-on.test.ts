import { expect, test } from 'vitest'
import type { MeshPeer } from '../../src/peer/mesh-peer.ts'
import { eventually } from '../support/eventually.ts'
import { joinPeers } from '../support/peers.ts'

/** So long that no round comes by itself: whoever learns of a change has been told. */
const settings = { SLM_MESH_LEASE_MS: '600000' }

const leaderOf = (peers: readonly MeshPeer[]) => peers.find((peer) => peer.leadingTerm !== null)

const termOf = (peers: readonly MeshPeer[]) => peers[0]?.store.leadership.read().term ?? 0

/** The one who leads, once it has published its port: all its duties are up. */
const serving = (peers: readonly MeshPeer[]) =>
  eventually(() => peers[0]?.store.leadership.read().port !== null && leaderOf(peers)?.self.name)

test('a leader that hands on is followed by another at once, for the others are told', async () => {
  await using mesh = await joinPeers(3, { settings })
  const first = await serving(mesh.peers)
  const began = termOf(mesh.peers)
  await leaderOf(mesh.peers)?.handOn()
  const second = await serving(mesh.peers)
  expect(second).not.toBe(first)
  await leaderOf(mesh.peers)?.handOn()
  expect(await serving(mesh.peers)).not.toBe(second)
  expect(termOf(mesh.peers)).toBe(began + 2)
})

test('a leader that leaves is followed by another at once, for the others are told', async () => {
  await using mesh = await joinPeers(3, { settings })
  const first = await serving(mesh.peers)
  await leaderOf(mesh.peers)?.leave()
  const left = mesh.peers.filter((peer) => peer.self.name !== first)
  expect(await serving(left)).not.toBe(first)
})

test('who hands on and is alone stays a peer that works, and nobody leads meanwhile', async () => {
  await using mesh = await joinPeers(1, { settings })
  await serving(mesh.peers)
  const began = termOf(mesh.peers)
  const [alone] = mesh.peers
  await alone?.handOn()
  expect(alone?.store.leadership.read()).toMatchObject({ peer: null, port: null })
  await alone?.call('state.set', { key: 'k', value: 'v' })
  expect(await alone?.call('state.get', { key: 'k' })).toMatchObject({ entry: { value: 'v' } })
  expect(alone?.leadingTerm).toBeNull()
  // Whoever joins now finds the office vacant.
  await using more = await joinPeers(1, { dir: mesh.dir, settings })
  expect(more.peers[0]?.leadingTerm).toBe(began + 1)
})
