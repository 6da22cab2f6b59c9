import type { PeerRow } from '../../core/peer.ts'
import { processes } from '../../peer/ancestry.ts'
import { byAncestor } from '../../peer/session-peer.ts'
import type { Desk } from '../command.ts'

/**
 * Whose commit it is: of the session whose agent has started git, whatever is between the two; else of the session that the
 * environment names; else of the person at the shell, under whose name (`cli`) all shells hold locks.
 */
export async function ownPeer(
  { env, cwd, signal }: Pick<Desk, 'env' | 'cwd' | 'signal'>,
  peers: readonly PeerRow[],
): Promise<string> {
  const sessions = peers.flatMap((row) =>
    row.live === 1 && row.kind === 'session' && row.pid !== null && row.process_start !== null && row.socket_path !== null
      ? {
          ...{ name: row.name, agentType: row.agent_type, sessionKey: row.session_key, projectPath: row.project_path },
          ...{ pid: row.pid, startedAt: row.process_start, parent: row.parent_pid, socketPath: row.socket_path, id: row.id },
        }
      : [],
  )
  if (sessions.length > 0) {
    const wanted = { agentTypes: [], session: undefined, cwd, isOneProcess: false }
    const session = byAncestor(sessions, await processes(process.platform, signal), process.pid, wanted)
    const own = sessions.find(({ name }) => name === session?.name)
    if (own) return own.id
  }
  const name = env.SLM_MESH_NAME?.toLowerCase()
  return peers.find((row) => name && row.name.toLowerCase() === name)?.id ?? 'cli'
}
