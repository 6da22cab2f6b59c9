import { describe } from 'vitest'
import { conformance } from '../conformance/cases.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { joinOnNats, ownMesh, sharedNats } from '../support/nats-mesh.ts'

describe.skipIf(!natsServer)(`on one nats-server${needsNats}`, () => {
  const nats = sharedNats()

  conformance('the library, on one machine', async (count) => {
    const mesh = await joinOnNats(ownMesh(nats()), [count])
    return { ...mesh, callers: mesh.peers.map((peer) => peer.call), projectPath: process.cwd() }
  })

  conformance('the library, each peer on a machine of its own', async (count) => {
    const mesh = await joinOnNats(ownMesh(nats()), Array(count).fill(1))
    return { ...mesh, callers: mesh.peers.map((peer) => peer.call), projectPath: process.cwd() }
  })
})
