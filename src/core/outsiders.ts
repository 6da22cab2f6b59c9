import { fail } from './errors.ts'
import type { Actor } from './operation.ts'
import type { PeerRow, Place } from './peer.ts'
import type { Store } from './store.ts'

/**
 * Who acts without being a process of the mesh: a person at a shell (`cli`) or a browser (`dashboard`), whom everybody
 * knows, and scripts that registered with the leader. A session speaks for itself alone: whoever names one may look into
 * its mailbox, and no more.
 */
export const KNOWN_SENDERS = ['cli', 'dashboard'] as const
export type KnownSender = (typeof KNOWN_SENDERS)[number]

export const isKnownSender = (reference: string): reference is KnownSender =>
  (KNOWN_SENDERS as readonly string[]).includes(reference)

/** For a caller that works in no directory of its own; relative paths are refused. */
export const NOWHERE: Place = { projectPath: '', gitRoot: null, gitBranch: null, repo: null }

/** The one whom a request from outside acts as. Throws `unknown_peer`, `impersonation`, or `not_found` for a script that has gone. */
export async function outsider(store: Pick<Store, 'peers'>, reference: string, place: Place): Promise<Actor> {
  if (isKnownSender(reference)) return { id: reference, name: reference, agentType: 'human', ...place }
  const row = await store.peers.resolve(reference)
  if (row.kind !== 'script') throw fail('impersonation', { peer: row.name })
  if (row.live === 0) throw fail('not_found', { what: 'registered script', id: reference })
  return actorOf(row)
}

/** Whose mailbox is looked into, and whether the looker may take mail out of it: out of its own only. */
export async function reader(
  store: Pick<Store, 'peers'>,
  reference: string,
  place: Place,
): Promise<{ actor: Actor; isOwn: boolean }> {
  if (isKnownSender(reference)) return { actor: await outsider(store, reference, place), isOwn: true }
  const row = await store.peers.resolve(reference)
  return { actor: actorOf(row), isOwn: row.kind === 'script' && row.live === 1 }
}

const actorOf = (row: PeerRow): Actor => ({
  id: row.id,
  name: row.name,
  agentType: row.agent_type,
  projectPath: row.project_path,
  gitRoot: row.git_root,
  repo: row.repo,
})
