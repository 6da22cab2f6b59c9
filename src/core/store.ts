import { type BrowserKeys, createBrowserKeys } from './browser-keys.ts'
import type { Clock } from './clock.ts'
import { Database } from './database.ts'
import { createEdits, type Edits } from './edits.ts'
import { createEvents, type Events, type Ring, ringLater } from './events.ts'
import { createLeadership, type LeadershipRow } from './leadership.ts'
import { createLocks, type Locks } from './locks.ts'
import { createMessages, type Messages } from './messages.ts'
import { createOversight, type Oversight } from './oversight.ts'
import { embeddedPaths, type PathScheme } from './path-scheme.ts'
import { createPeers, type Peers, type ProcessRef } from './peers.ts'
import type { Sql } from './sql.ts'
import { createState, type SharedState } from './state.ts'
import { createStatus, type Status } from './status.ts'

/** Everything that is stored, one primitive a field. Its verbs are each one atomic step; this is the seam to another engine. */
export interface Store {
  readonly peers: Peers
  readonly messages: Messages
  readonly state: SharedState
  readonly locks: Locks
  readonly edits: Edits
  readonly events: Events
  readonly leadership: LeadershipRow
  readonly status: Status
  readonly oversight: Oversight
  readonly browserKeys: BrowserKeys
  readonly paths: PathScheme
}

interface StoreOptions {
  readonly clock: Clock
  readonly staleMs: number
  /** Rings a peer's doorbell, after COMMIT. */
  readonly ring: Ring
  /** What a path means on this mesh. Default: that it is a file of this machine. */
  readonly paths?: PathScheme
  /** What a host calls itself, on a mesh of several machines. */
  readonly hostName?: (sql: Sql, hostId: string) => string | undefined
  /** Whether a process of this machine has ended, for sure. */
  readonly isGone: (process: ProcessRef) => boolean
}

/** Opens the file at `path` with everything on it. Errors: those of `Database.open`. */
export async function openStore(path: string, options: StoreOptions): Promise<{ store: Store; database: Database }> {
  const database = await Database.open(path)
  const { clock, paths = embeddedPaths } = options
  const ring = ringLater(options.ring)
  const events = createEvents(database, clock, paths, ring)
  const peers = createPeers(database, clock, events, options)
  const store: Store = {
    ...{ peers, paths },
    events,
    messages: createMessages(database, clock, events, peers, ring),
    state: createState(database, clock, events),
    locks: createLocks(database, clock, events, peers, paths, ring),
    edits: createEdits(database, clock, events, paths, ring),
    leadership: createLeadership(database, clock, events),
    status: createStatus(database, clock, peers),
    oversight: createOversight(database, clock, peers, paths),
    browserKeys: createBrowserKeys(database, clock),
  }
  // What only rings ends with the process that it rang.
  peers.hook({
    joined: (tx, peerId) => void tx.run(`DELETE FROM subscriptions WHERE peer_id = ? AND purpose <> 'agent'`, peerId),
  })
  return { store, database }
}
