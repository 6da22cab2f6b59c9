import type { Environment } from '../../core/config.ts'
import type { PeerRow } from '../../core/peers.ts'

/**
 * Whose commit it is: of the session from which it is made, else of the person at the shell, under whose name (`cli`) all
 * shells hold locks.
 */
export async function ownPeer(env: Environment, peers: readonly PeerRow[]): Promise<string> {
  const name = env.SLM_MESH_NAME
  const named = name ? peers.find((row) => row.name.toLowerCase() === name.toLowerCase()) : undefined
  return named?.id ?? 'cli'
}
