import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import { findAdopted, findMailbox, freeName, type Mailbox, processOf, suggest } from './identity.ts'
import { newId } from './ids.ts'
import { isoTime } from './iso-time.ts'
import { bootSeen, hostOf, isFresh } from './lifetime.ts'
import { MAX_PEERS, text } from './limits.ts'
import { operation } from './operation.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/** Who is there. A row is a mailbox with a name; `live` while a process stands behind it, `away` after that. */

const MAX_SUMMARY = 2_500
/** Mailboxes without a process that a list shows, those left last; the others can still be written to. */
const MAX_AWAY_SHOWN = 20
/** An id prefix shorter than this would fit by accident. */
const MIN_PREFIX = 4

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

/** What other primitives do in the same transaction when a mailbox loses its process, gains one, or hands on its mail. */
interface PeerHooks {
  joined?(tx: Transaction, peerId: string): void
  gone?(tx: Transaction, peer: { id: string; name: string }, reason: LeaveReason): void
  merged?(tx: Transaction, from: string, into: { id: string; name: string }): void
}

export type Peers = ReturnType<typeof createPeers>

export function createPeers(
  database: Storage,
  clock: Clock,
  events: Events,
  on: {
    staleMs: number
    isGone: (process: ProcessRef) => boolean
    /** What a host calls itself, on a mesh of several machines. */
    hostName?: (sql: Sql, hostId: string) => string | undefined
    /** Whether a host has given no sign of life for a while. */
    isSilent?: (hostId: string) => boolean
  },
) {
  const hooks: PeerHooks[] = []

  function toPeer(row: PeerRow): Peer {
    const bootId = row.boot_id ?? ''
    const host = hostOf(bootId)
    // Beats of another machine's peers do not come here: that machine's own does.
    const isSilent =
      bootSeen(bootId, clock.bootId) === 'elsewhere'
        ? (on.isSilent?.(host) ?? false)
        : !isFresh(row.heartbeat_uptime, on.staleMs, bootId, clock)
    return {
      id: row.id,
      name: row.name,
      agentType: row.agent_type,
      ...(host !== '' && { host: database.read((sql) => on.hostName?.(sql, host)) ?? host.slice(0, 8) }),
      projectPath: row.project_path,
      gitRoot: row.git_root,
      gitBranch: row.git_branch,
      summary: row.summary,
      startedAt: isoTime(row.started_at),
      lastHeartbeat: isoTime(row.heartbeat_at),
      status: row.live === 0 ? 'away' : isSilent ? 'stale' : 'active',
      reach: row.reach,
      pid: row.live === 1 ? row.pid : null,
    }
  }

  const byId = (sql: Sql, id: string) => sql.get<PeerRow>('SELECT * FROM peers WHERE id = ?', id)

  /** Ends a mailbox's process. Idempotent; `socketPath` guards against ending a process that has come since. */
  function end(tx: Transaction, id: string, reason: LeaveReason, socketPath: string | null): boolean {
    const row = byId(tx, id)
    if (!row || row.live === 0 || row.socket_path !== socketPath) return false
    tx.run('UPDATE peers SET live = 0, socket_path = NULL, left_at = ? WHERE id = ?', clock.now(), id)
    for (const hook of hooks) hook.gone?.(tx, row, reason)
    events.append(tx, 'peer_left', { id, name: row.name, agentType: row.agent_type, reason }, row)
    return true
  }

  function arrive(tx: Transaction, arrival: Arrival): { id: string; returned: boolean } {
    // Joining twice is fine: a socket's path belongs to one process.
    const own = tx.get<PeerRow>('SELECT * FROM peers WHERE live = 1 AND socket_path = ?', arrival.socketPath)
    // Who comes from another file, however, says anew who it is: what was brought over of its row may be spoilt.
    const isSelf = own !== undefined && own.id === arrival.returning?.id
    if (own && !isSelf && own.pid === arrival.process.pid) return { id: own.id, returned: false }
    if (own && !isSelf) throw fail('invalid', { operation: 'join', issues: [`the socket is that of ${own.name}`] })
    const mailbox = own ?? findMailbox(tx, arrival, on.isGone)
    if (mailbox?.live === 1 && !isSelf) end(tx, mailbox.id, 'crashed', mailbox.socket_path)
    const living = tx.get<{ n: number }>('SELECT count(*) AS n FROM peers WHERE live = 1')?.n ?? 0
    if (living >= MAX_PEERS) throw fail('full', { what: 'the mesh', limit: MAX_PEERS })

    const now = clock.now()
    const { returning } = arrival
    // Where the file forgot this process, it stays who it was: others know it by its name.
    const id = mailbox?.id ?? (returning && !byId(tx, returning.id) ? returning.id : newId('p', now))
    const name =
      mailbox && !isSelf && arrival.name === undefined ? mailbox.name : freeName(tx, arrival.name ?? returning?.name, mailbox?.id)
    const sessionKey =
      arrival.sessionKey !== undefined &&
      !tx.get('SELECT 1 FROM peers WHERE session_key = ? AND id IS NOT ?', arrival.sessionKey, id)
        ? arrival.sessionKey
        : (mailbox?.session_key ?? null)
    if (!mailbox)
      tx.run(
        `INSERT INTO peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime)
         VALUES (?, ?, ?, '', '', 0, 0, 0, 0)`,
        id,
        name,
        arrival.kind,
      )
    tx.run(
      `UPDATE peers SET name = ?, named = max(named, ?), agent_type = ?, session_key = ?, project_path = ?, git_root = ?,
         git_branch = ?, repo = ?, live = 1, pid = ?, process_start = ?, boot_id = ?, pid_namespace = ?, socket_path = ?,
         parent_pid = ?, parent_start = ?, started_at = ?, heartbeat_at = ?, heartbeat_uptime = ?, left_at = NULL,
         reach = 'poll' WHERE id = ?`,
      name,
      arrival.name === undefined ? 0 : 1,
      arrival.agentType,
      sessionKey,
      arrival.projectPath,
      arrival.gitRoot,
      arrival.gitBranch,
      arrival.repo,
      arrival.process.pid,
      arrival.process.startedAt,
      arrival.process.bootId,
      arrival.process.pidNamespace,
      arrival.socketPath,
      arrival.parent?.pid ?? null,
      arrival.parent?.startedAt ?? null,
      now,
      now,
      clock.uptime(),
      id,
    )
    for (const hook of hooks) hook.joined?.(tx, id)
    const returned = mailbox !== undefined && !isSelf
    const { agentType, projectPath, gitBranch } = arrival
    events.append(tx, 'peer_joined', { id, name, agentType, projectPath, gitBranch, returned }, { id, name })
    return { id, returned }
  }

  /** The peer of that name, id or unique id prefix. Throws `unknown_peer` or `ambiguous_peer`. */
  function find(sql: Sql, reference: string): PeerRow {
    const exact = byId(sql, reference) ?? sql.get<PeerRow>('SELECT * FROM peers WHERE name = ?', reference)
    if (exact) return exact
    const prefix = reference.startsWith('p_') ? reference : `p_${reference}`
    const matches =
      reference.length >= MIN_PREFIX
        ? sql.all<PeerRow>('SELECT * FROM peers WHERE id >= ? AND id < ? LIMIT 10', prefix, `${prefix}\uffff`)
        : []
    if (matches.length > 1) throw fail('ambiguous_peer', { peer: reference, matches: matches.map((m) => m.name) })
    if (matches[0]) return matches[0]
    const names = sql.all<{ name: string }>(
      "SELECT name FROM peers WHERE kind <> 'known' ORDER BY live DESC, started_at DESC LIMIT 500",
    )
    throw fail('unknown_peer', {
      peer: reference,
      suggestions: suggest(
        reference,
        names.map((n) => n.name),
      ),
    })
  }

  return {
    find,
    toPeer,

    /** Lets another primitive take part in joining, leaving and merging, in the same transaction. */
    hook: (hook: PeerHooks) => void hooks.push(hook),

    living: (sql: Sql) => sql.all<PeerRow>('SELECT * FROM peers WHERE live = 1 ORDER BY started_at, id'),

    /** Everybody who ever joined and is not forgotten; without the known senders, which never join. */
    async all(): Promise<PeerRow[]> {
      return database.read((sql) =>
        sql.all<PeerRow>("SELECT * FROM peers WHERE kind <> 'known' ORDER BY live DESC, started_at, id LIMIT 1000"),
      )
    },

    async get(id: string): Promise<PeerRow | undefined> {
      return database.read((sql) => byId(sql, id))
    },

    /** Throws `unknown_peer` or `ambiguous_peer`. */
    async resolve(reference: string): Promise<PeerRow> {
      return database.read((sql) => find(sql, reference))
    },

    /** Takes up the session's old mailbox or makes one. Throws `full` past 256 living peers. */
    async join(arrival: Arrival): Promise<{ id: string; returned: boolean }> {
      return database.write((tx) => arrive(tx, arrival))
    },

    /** Joining as part of a transaction: of the first one in a file that this process has moved to. */
    arriving: (arrival: Arrival) => (tx: Transaction) => arrive(tx, arrival),

    /** The same as part of a transaction that ends several. */
    ending: end,

    /** Marks a process as gone: its locks are freed and its leaving is announced. True if it was this call that did it. */
    async end(id: string, reason: LeaveReason, socketPath: string | null): Promise<boolean> {
      return database.write((tx) => end(tx, id, reason, socketPath))
    },

    /** False when the row is no longer this process's: it was given up for dead meanwhile, and must join again. */
    async heartbeat(id: string, socketPath: string | null): Promise<boolean> {
      return database.writeHere(
        (tx) =>
          tx.run(
            'UPDATE peers SET heartbeat_at = ?, heartbeat_uptime = ? WHERE id = ? AND live = 1 AND socket_path IS ?',
            clock.now(),
            clock.uptime(),
            id,
            socketPath,
          ).changes === 1,
      )
    },

    /**
     * The client has told which session this is. Where an earlier process of that session left a mailbox, this one
     * moves into it, with the mail that has come meanwhile. `isNew`: this process is the first that the present row stands
     * for. Returns the peer to be from now on.
     */
    async claimSession(
      id: string,
      sessionKey: string,
      arrival: Arrival,
      isNew = false,
    ): Promise<{ id: string; returned: boolean }> {
      return database.write((tx) => {
        const current = byId(tx, id)
        if (!current || current.session_key === sessionKey) return { id, returned: false }
        const owner = tx.get<PeerRow>('SELECT * FROM peers WHERE session_key = ?', sessionKey)
        if (!owner) {
          tx.run('UPDATE peers SET session_key = ? WHERE id = ?', sessionKey, id)
          return { id, returned: false }
        }
        if (owner.live === 1 && !on.isGone(processOf(owner))) return { id, returned: false }
        end(tx, id, 'left', arrival.socketPath)
        const { id: newSelf } = arrive(tx, { ...arrival, returning: owner, sessionKey })
        // A mailbox that was only waiting to learn whose it is; one of another session, taken by its name, stays.
        if (current.session_key === null || isNew) {
          for (const hook of hooks) hook.merged?.(tx, id, owner)
          tx.run('DELETE FROM peers WHERE id = ?', id)
        }
        return { id: newSelf, returned: true }
      })
    },

    /** The mailbox that one of another mesh is here; where there is none, it is made, and waits for its session. */
    adopt(tx: Transaction, mailbox: Mailbox): PeerRow & { isNew: boolean } {
      const known = findAdopted(tx, mailbox, clock.bootId)
      if (known) return { ...known, isNew: false }
      const { id, kind, agentType, named, sessionKey, projectPath } = mailbox
      const now = clock.now()
      const row = tx.get<PeerRow>(
        `INSERT INTO peers (id, name, kind, agent_type, named, session_key, project_path, live, boot_id, started_at, heartbeat_at,
           heartbeat_uptime, left_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, ?) RETURNING *`,
        ...[id, freeName(tx, mailbox.name, undefined), kind === 'known' ? 'script' : kind, agentType, named ? 1 : 0],
        ...[sessionKey, projectPath, clock.bootId, now, now, now],
      )
      if (!row) throw new Error('an insert returned no row')
      return { ...row, isNew: true }
    },

    /** How the agent of that peer can be told of mail, as its process has found out; for lists. */
    async reachedBy(id: string, reach: Peer['reach']): Promise<void> {
      await database.write((tx) => tx.run('UPDATE peers SET reach = ? WHERE id = ?', reach, id))
    },

    async update(id: string, change: { summary: string } | Place): Promise<void> {
      await database.write((tx) => {
        if ('summary' in change) tx.run('UPDATE peers SET summary = ? WHERE id = ?', change.summary, id)
        else
          tx.run(
            'UPDATE peers SET project_path = ?, git_root = ?, git_branch = ?, repo = ? WHERE id = ?',
            change.projectPath,
            change.gitRoot,
            change.gitBranch,
            change.repo,
            id,
          )
        const row = byId(tx, id)
        if (row) events.append(tx, 'peer_updated', { id, name: row.name, ...change }, row)
      })
    },
  }
}

export const peerOperations = {
  'peer.list': operation({
    summary: 'Who is here, and who am I.',
    effect: 'read',
    input: () => z.object({ scope: z._default(z.enum(['mesh', 'machine', 'directory', 'repo']), 'mesh') }),
    output: () => z.object({ peers: z.array(Peer()), self: Peer() }),
    run: async ({ store, actor, clock }, { scope }) => {
      const rows = await store.peers.all()
      const self = await store.peers.get(actor.id)
      if (!self) throw fail('unknown_peer', { peer: actor.name, suggestions: [] })
      const inScope = (row: PeerRow) =>
        scope === 'mesh' ||
        (scope === 'repo'
          ? row.repo !== null && row.repo === actor.repo
          : hostOf(row.boot_id ?? '') === hostOf(clock.bootId) && (scope === 'machine' || row.project_path === actor.projectPath))
      const others = rows.filter((row) => row.id !== actor.id && inScope(row))
      const away = others.filter((row) => row.live === 0).sort((a, b) => (b.left_at ?? 0) - (a.left_at ?? 0))
      const shown = [...others.filter((row) => row.live === 1), ...away.slice(0, MAX_AWAY_SHOWN)]
      return { peers: shown.map(store.peers.toPeer), self: store.peers.toPeer(self) }
    },
  }),

  'peer.describe': operation({
    summary: 'Tell the others what you are working on.',
    effect: 'write',
    input: () => z.object({ summary: text(MAX_SUMMARY) }),
    output: () => z.object({ ok: z.literal(true) }),
    run: async ({ store, actor }, { summary }) => {
      await store.peers.update(actor.id, { summary })
      return { ok: true as const }
    },
  }),
}
