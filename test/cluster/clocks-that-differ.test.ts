import { describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { MeshPeer } from '../../src/peer/mesh-peer.ts'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'

const DAY_MS = 86_400_000
/** Far less than what the machines differ by; no measure of speed. */
const NEAR_MS = 600_000

describe.skipIf(!natsServer)(`clocks that differ${needsNats}`, () => {
  const nats = sharedNats()

  test('machines whose clocks are a day behind and a day ahead tell, and prune by, the time of the server', async () => {
    const settings = ownMesh(nats())
    const offsets = [-DAY_MS, 0, DAY_MS]
    const peers: MeshPeer[] = []
    for (const [i, offset] of offsets.entries())
      peers.push(
        await joinMesh({
          env: meshEnv(dataDir(), { SLM_MESH_HOST_NAME: `host-${i + 1}`, ...settings }),
          clock: { ...systemClock, now: () => Date.now() + offset },
        }),
      )
    onTestFinished(async () => {
      for (const peer of peers) await peer.leave()
    })
    const names = peers.map((peer) => peer.self.name)
    const sentAt = Date.now()
    for (const [i, peer] of peers.entries())
      for (const to of names) if (to !== names[i]) await peer.call('message.send', { to, message: `from ${i}` })

    const door = { signal: new AbortController().signal, afterAnswer: () => {} }
    for (const [i, peer] of peers.entries()) {
      const { messages } = await peer.call('message.inbox', {})
      expect(messages.map(({ payload }) => payload).sort()).toEqual(
        offsets.flatMap((_, from) => (from === i ? [] : [`from ${from}`])),
      )
      for (const { createdAt } of messages) expect(Math.abs(Date.parse(createdAt) - sentAt)).toBeLessThan(NEAR_MS)
      // By this the machine's leader prunes.
      expect(Math.abs(peer.context(door).clock.now() - Date.now())).toBeLessThan(NEAR_MS)
    }
  })
})
