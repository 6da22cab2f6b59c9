import { joinPeers } from '../support/peers.ts'
import { conformance } from './cases.ts'

conformance('the library', async (count) => {
  const mesh = await joinPeers(count)
  return { ...mesh, callers: mesh.peers.map((peer) => peer.call), projectPath: process.cwd() }
})
