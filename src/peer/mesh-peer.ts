import type { Bell } from '../core/bell.ts'
import type { Claims } from '../core/claims.ts'
import type { Clock } from '../core/clock.ts'
import type { Environment } from '../core/config.ts'
import type { Log } from '../core/log.ts'
import type { Actor, Context } from '../core/operation.ts'
import type { Caller } from '../core/operations.ts'
import type { Arrival } from '../core/peer.ts'
import type { Recovery } from '../core/sqlite/recovery.ts'
import type { Store } from '../core/store.ts'
import type { Editing } from './editing.ts'
import type { HookHandler } from './hook.ts'
import type { Transport } from './transport.ts'

/** One live process on the mesh, to whoever uses it: what it is made of, and what it offers. */

export interface JoinOptions {
  /** Settings as in the environment (`SLM_MESH_DATA_DIR`, …); see the README. Default: none, so all defaults. */
  readonly env?: Environment
  /** What this is, as others see it: `claude-code`, `build-script`. Default `library`. */
  readonly agentType?: string
  /** The directory it works in. Default: the current one. */
  readonly projectPath?: string
  /** Its session's own id, by which it is recognised when it comes back. */
  readonly sessionKey?: string
  readonly kind?: Arrival['kind']
  readonly clock?: Clock
  readonly transport?: Transport
  /** Ends a join that is under way, which then leaves nothing behind. */
  readonly signal?: AbortSignal
  /** Receives what is logged at level warn and above. Default: nothing. */
  readonly stderr?: (line: string) => void
}

export interface MeshPeer extends AsyncDisposable {
  /** Who this is; may change once, when the session turns out to be a known one. */
  readonly self: Actor
  /** True when an earlier process's mailbox was taken up. */
  readonly returned: boolean
  /** Does anything that can be done on the mesh. Throws `MeshError`. */
  readonly call: Caller
  /** Rings whenever something may have changed for this peer. */
  readonly bell: Bell
  readonly store: Store
  readonly log: Log
  /** Ids of messages whose text is on its way to the agent, by whatever route. */
  readonly carrying: Claims
  /** What its agent's edits mean to the others. */
  readonly editing: Editing
  readonly leadingTerm: number | null
  /** What became of a damaged file under this peer, until its agent has been told. */
  readonly recoveries: Recovery[]
  /** What else has happened to this peer, until its agent has been told. */
  readonly news: string[]
  /** Why the mesh cannot be seen as it is now, in a sentence; null where it can. */
  outage(): string | null
  /** Lets another lead, where this peer does and another is there; else it leads again after a lease. */
  handOn(): Promise<void>
  /** What an operation leans on, for a door that answers somewhere else than to its caller. */
  context(door: Pick<Context, 'signal' | 'afterAnswer'>): Context
  /** The client has told which session this is. */
  claimSession(sessionKey: string): Promise<void>
  /** The client works in another directory now. */
  moveTo(projectPath: string): Promise<void>
  /** Answers the hooks of this peer's agent, from now on. */
  onHook(handler: HookHandler): void
  /** Leaves: locks are freed, the others are told. Safe to call twice. */
  leave(): Promise<void>
}
