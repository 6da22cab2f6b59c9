import * as z from './schema.ts'

/** What a peer is: as others see it, as it stands in the file, and what is known of one that comes. */

/** What identifies a process beyond its pid, which is reused. `startedAt` is opaque: ticks on Linux, a date elsewhere. */
export interface ProcessRef {
  readonly pid: number
  readonly startedAt: string
  readonly bootId: string
  /** Pids of another namespace (a container) mean nothing here. */
  readonly pidNamespace: string
}

/** Where an agent works. `repo` is what its repository is called on this mesh (path-scheme.ts): the same for all its worktrees. */
export interface Place {
  readonly projectPath: string
  readonly gitRoot: string | null
  readonly gitBranch: string | null
  readonly repo: string | null
}

/** A process that joins. `socketPath` is unique to it, and so is its proof that a row is still its own. */
export interface Arrival extends Place {
  readonly kind: 'session' | 'headless' | 'script'
  readonly agentType: string
  readonly process: ProcessRef
  /** Null where nobody listens: a script that lives by heartbeats. */
  readonly socketPath: string | null
  /** Who started the process; its end means that this peer serves nobody. */
  readonly parent?: Pick<ProcessRef, 'pid' | 'startedAt'> | undefined
  /** A name the user chose. */
  readonly name?: string | undefined
  /** The client's own name for its session. */
  readonly sessionKey?: string | undefined
  /** The peer that this process was before it was given up, or before its file was replaced. */
  readonly returning?: { readonly id: string; readonly name: string } | undefined
}

export type LeaveReason = 'left' | 'crashed' | 'expired'

/** What is known of a machine that is another: when it last said that it lives, and whether that was too long ago. */
export interface HostSign {
  /** Unix time, ms; undefined where it has said so never. */
  readonly at: number | undefined
  readonly isSilent: boolean
}

export interface PeerRow {
  id: string
  name: string
  named: number
  kind: string
  agent_type: string
  session_key: string | null
  project_path: string
  git_root: string | null
  git_branch: string | null
  repo: string | null
  summary: string
  reach: 'wake' | 'hooks' | 'poll'
  live: number
  pid: number | null
  process_start: string | null
  boot_id: string | null
  pid_namespace: string | null
  socket_path: string | null
  parent_pid: number | null
  parent_start: string | null
  started_at: number
  heartbeat_at: number
  heartbeat_uptime: number
  left_at: number | null
  unread: number
  queued: number
}

export const Peer = z.once(() =>
  z.object({
    id: z.string(),
    name: z.string(),
    agentType: z.string(),
    host: z.optional(z.string()).check(z.describe('its machine, on a mesh of several')),
    projectPath: z.string(),
    gitRoot: z.nullable(z.string()),
    gitBranch: z.nullable(z.string()),
    summary: z.string(),
    startedAt: z.string(),
    lastHeartbeat: z.string(),
    status: z.enum(['active', 'stale', 'away']),
    reach: z.enum(['wake', 'hooks', 'poll']),
    pid: z.nullable(z.int()),
  }),
)
export type Peer = z.infer<ReturnType<typeof Peer>>
