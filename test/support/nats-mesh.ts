import { afterAll, beforeAll } from 'vitest'
import type { JoinOptions, MeshPeer } from '../../src/peer/mesh-peer.ts'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from './data-dir.ts'
import { type Nats, type NatsOptions, startNats } from './nats.ts'

/** Servers that a file's tests share: each test has a mesh of its own name on them. */
export function sharedNats(options: NatsOptions = {}): () => Nats {
  let nats: Nats | undefined
  beforeAll(async () => {
    nats = await startNats(options)
  })
  afterAll(() => nats?.[Symbol.asyncDispose]())
  return () => {
    if (!nats) throw new Error('the servers have not been started')
    return nats
  }
}

let meshes = 0
/** The settings of a mesh that no other test has. */
export const ownMesh = ({ url }: Nats): Record<string, string> => ({
  SLM_MESH_URL: url,
  SLM_MESH_MESH: `t${process.pid}-${++meshes}`,
})

/** Peers inside the test's own process: all on one machine, or each on one of its own. */
export async function joinOnNats(
  settings: Record<string, string>,
  machines: readonly number[],
  options: Pick<JoinOptions, 'projectPath'> = {},
): Promise<{ peers: MeshPeer[]; dirs: string[] } & AsyncDisposable> {
  const dirs = machines.map(() => dataDir())
  const peers: MeshPeer[] = []
  for (const [i, count] of machines.entries())
    for (let n = 0; n < count; n++)
      peers.push(
        await joinMesh({
          env: meshEnv(dirs[i] ?? '', { SLM_MESH_HOST_NAME: `host-${i + 1}`, ...settings }),
          agentType: `test-${peers.length}`,
          ...options,
        }),
      )
  return {
    ...{ peers, dirs },
    async [Symbol.asyncDispose]() {
      for (const peer of peers) await peer.leave()
    },
  }
}
