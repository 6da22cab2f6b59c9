import { joinMesh, type MeshPeer } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from './data-dir.ts'

export interface CompanionOptions {
  /** The mesh to join; default: one of its own. */
  readonly dir?: string
  readonly name?: string
  readonly agentType?: string
  readonly projectPath?: string
  readonly env?: Record<string, string>
}

export interface Companion extends AsyncDisposable {
  readonly dir: string
  readonly peer: MeshPeer
  readonly call: MeshPeer['call']
  readonly name: () => Promise<string>
}

/**
 * A peer in the test's own process, on the real file and sockets: costs a twentieth of an agent's process. For whoever
 * only watches, writes to or waits for the process that a test is about. It stands still while the test blocks.
 */
export async function companion({ dir = dataDir(), name, env, ...options }: CompanionOptions = {}): Promise<Companion> {
  const settings = { ...(name !== undefined && { SLM_MESH_NAME: name }), ...env }
  const peer = await joinMesh({ env: meshEnv(dir, settings), agentType: 'companion', ...options })
  return {
    ...{ dir, peer, call: peer.call },
    name: async () => peer.self.name,
    [Symbol.asyncDispose]: () => peer.leave(),
  }
}

/** Several of them on one mesh. */
export async function companions(count: number, options: Omit<CompanionOptions, 'name'> = {}) {
  const dir = options.dir ?? dataDir()
  const all: Companion[] = []
  for (let i = 0; i < count; i++) all.push(await companion({ ...options, dir }))
  return {
    dir,
    companions: all,
    async [Symbol.asyncDispose]() {
      for (const each of all) await each[Symbol.asyncDispose]()
    },
  }
}
