import type { JoinOptions, MeshPeer } from '../../src/peer/mesh-peer.ts'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from './data-dir.ts'

/** Peers inside the test's own process, on the real file and real sockets. */
export async function joinPeers(count: number, options: JoinOptions & { dir?: string; settings?: Record<string, string> } = {}) {
  const { dir = dataDir(), settings, ...join } = options
  const peers: MeshPeer[] = []
  for (let i = 0; i < count; i++) peers.push(await joinMesh({ env: meshEnv(dir, settings), agentType: `test-${i}`, ...join }))
  return {
    dir,
    peers,
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer.leave()
    },
  }
}
