import { type BrowserKeys, createBrowserKeys } from './browser-keys.ts'
import type { Clock } from './clock.ts'
import { createEdits, type Edits } from './edits.ts'
import { createEvents, type Events } from './events.ts'
import { createLeadership, type LeadershipRow } from './leadership.ts'
import { createLocks, type Locks } from './locks.ts'
import { createMessages, type Messages } from './messages.ts'
import { createOversight, type Oversight } from './oversight.ts'
import { embeddedPaths, type PathScheme } from './path-scheme.ts'
import type { HostSign, ProcessRef } from './peer.ts'
import { createPeers, type Peers } from './peers.ts'
import { type Ring, ringLater } from './ring.ts'
import type { Sql } from './sql.ts'
import { Database } from './sqlite/database.ts'
import { createState, type SharedState } from './state.ts'
import { createStatus, type Status } from './status.ts'
import type { Storage } from './storage.ts'

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
  /** Waits until this machine's copy has what the others have written; absent where the file is the mesh itself. */
  readonly catchUp?: () => Promise<void>
  readonly paths: PathScheme
  /** See `Storage`. */
  readonly explain: Storage['explain']
}

export interface StoreOptions {
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
  /** Of a mesh of several machines; absent where there is one. */
  readonly machines?: Machines
}

/** What the primitives ask about the machines of a mesh that has several. */
interface Machines {
  readonly catchUp: () => Promise<void>
  /** Whether a peer is one of this machine, whose doorbell can be rung from here. */
  readonly isHere: (sql: Sql, peerId: string) => boolean
  readonly signOf: (sql: Sql, hostId: string) => HostSign
  /** Whether this machine has been cut off for so long that the others may have freed its locks. */
  readonly isCutOff: () => boolean
}

/** Opens the file at `path` with everything on it. Errors: those of `Database.open`. */
export async function openStore(path: string, options: StoreOptions): Promise<{ store: Store; database: Database }> {
  const database = await Database.open(path)
  return { store: createStore(database, options), database }
}

/** Everything that is stored, over whatever holds it. */
export function createStore(database: Storage, options: StoreOptions): Store {
  const { clock, machines, paths = embeddedPaths } = options
  const ring = ringLater(options.ring, machines?.isHere)
  const events = createEvents(database, clock, paths, ring)

  const signOf = machines && ((hostId: string) => database.read((sql) => machines.signOf(sql, hostId)))
  const peers = createPeers(database, clock, events, { ...options, ...(signOf && { signOf }) })
  const store: Store = {
    ...{ peers, paths },
    explain: (error) => database.explain(error),
    events,
    messages: createMessages(database, clock, events, peers, ring),
    state: createState(database, clock, events),
    locks: createLocks(database, clock, events, peers, paths, ring, machines?.isCutOff),
    edits: createEdits(database, clock, events, paths, ring),
    leadership: createLeadership(database, clock, events),
    status: createStatus(database, clock, peers),
    oversight: createOversight(database, clock, peers, paths),
    browserKeys: createBrowserKeys(database, clock),
    ...(machines && { catchUp: machines.catchUp }),
  }
  // What only rings ends with the process that it rang.
  peers.hook({
    joined: (tx, peerId) => void tx.run(`DELETE FROM subscriptions WHERE peer_id = ? AND purpose <> 'agent'`, peerId),
  })
  return store
}
