import { dirname } from 'node:path'
import type { MeshPeer } from '../../src/peer/mesh-peer.ts'
import { joinMesh } from '../../src/peer/peer.ts'
import type { AgentOptions } from './agent.ts'
import { dataDir, meshEnv } from './data-dir.ts'

export interface Companion extends AsyncDisposable {
  readonly dir: string
  readonly peer: MeshPeer
  readonly pid: number
  readonly call: MeshPeer['call']
  readonly name: () => Promise<string>
}

export type CompanionOptions = Pick<AgentOptions, 'dir' | 'client' | 'cwd' | 'env'> & { readonly name?: string }

/**
 * A peer in the test's own process, on the real file and sockets: costs a twentieth of an agent's process. For whoever
 * only watches, writes to or waits for the process that a test is about. It stands still while the test blocks.
 */
export async function companion(options: CompanionOptions = {}): Promise<Companion> {
  const { dir = dataDir(), client = 'test-agent', cwd = dirname(dir), name, env } = options
  const settings = { ...(name !== undefined && { SLM_MESH_NAME: name }), ...env }
  const peer = await joinMesh({ env: meshEnv(dir, settings), agentType: client, projectPath: cwd })
  return {
    ...{ dir, peer, pid: process.pid, call: peer.call },
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
    agents: all,
    async [Symbol.asyncDispose]() {
      for (const each of all) await each[Symbol.asyncDispose]()
    },
  }
}
