import type { Config } from '../core/config.ts'
import type { Event } from '../core/event.ts'
import type { Leadership } from '../core/leadership.ts'
import type { Caller } from '../core/operations.ts'
import type { Layout } from '../core/paths.ts'
import type { LeaderClient } from '../peer/leader/client.ts'

/** The mesh as a command has it, whatever carries the calls. */

export interface Mesh extends AsyncDisposable {
  readonly via: 'leader' | 'file'
  /** The leader's row as it stands, whether or not its leader lives. Read when it is asked for: few commands do. */
  row(): Leadership
  /** Why this goes through the file, in a sentence; null where a leader answers. */
  readonly why: string | null
  /** Why what has been answered may be old: a server of several machines that is away. Null where it is not. */
  outage(): string | null
  /** Calls as `cli`. Throws `MeshError`. */
  readonly call: Caller
  /** Calls as a registered script; or looks into a session's mailbox (`message.inbox`), without taking anything out. */
  as(reference: string): Caller
  /**
   * Events as they happen, after `since` (a seq) or from now on, through whatever leads at the moment. `reset`: what came
   * between the cursor and that seq is no longer stored.
   */
  follow(types: readonly string[], since: number | undefined): AsyncIterable<Event | { reset: number }>
  /** The leader's other routes. Undefined where nobody leads. */
  readonly client: LeaderClient | undefined
}

/** Where a command stands: which mesh, and which directory it speaks of. */
export interface Standing {
  readonly config: Config
  readonly layout: Layout
  readonly cwd: string
  readonly signal: AbortSignal
}
