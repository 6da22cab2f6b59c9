import type { Actor } from '../core/operation.ts'
import type { Arrival } from '../core/peer.ts'
import type { Storage } from '../core/storage.ts'
import type { Store } from '../core/store.ts'
import { placeOf } from './project.ts'

/** Which row this process is, through joining, returning, claiming and moving. */
export function createSelf(store: Store, first: Arrival) {
  let arrival = first
  let row: { id: string; name: string; session_key: string | null } = { id: '', name: '', session_key: null }
  let returned = false
  let claimed = false

  async function become(joined: { id: string; returned: boolean }): Promise<void> {
    row = (await store.peers.get(joined.id)) ?? { ...row, id: joined.id }
    returned ||= joined.returned
    arrival = { ...arrival, returning: row }
  }

  return {
    id: () => row.id,
    name: () => row.name,
    returned: () => returned,
    actor: (): Actor => ({
      id: row.id,
      name: row.name,
      agentType: arrival.agentType,
      projectPath: arrival.projectPath,
      gitRoot: arrival.gitRoot,
      repo: arrival.repo,
    }),
    join: async () => become(await store.peers.join(arrival)),
    /** Joins in the file that the database moves to. */
    joinIn: async (database: Storage) => become(await database.reopen(store.peers.arriving(arrival))),
    async claim(sessionKey: string) {
      // A client may speak for several threads; the first is the one that this process is.
      if (claimed) return
      await become(await store.peers.claimSession(row.id, sessionKey, { ...arrival, returning: undefined }, !returned))
      claimed = row.session_key === sessionKey
      if (claimed) arrival = { ...arrival, sessionKey }
    },
    async moveTo(projectPath: string) {
      const place = placeOf(projectPath, store.paths)
      if (place.projectPath === arrival.projectPath) return
      arrival = { ...arrival, ...place }
      await store.peers.update(row.id, place)
    },
  }
}
