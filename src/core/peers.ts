import type { Clock } from './clock.ts'
import { byId, createComings } from './comings.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import { suggest } from './identity.ts'
import { isoTime } from './iso-time.ts'
import { bootSeen, hostOf, isFresh } from './lifetime.ts'
import { text } from './limits.ts'
import { operation } from './operation.ts'
import { type Arrival, type HostSign, type LeaveReason, Peer, type PeerRow, type Place, type ProcessRef } from './peer.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/** Who is there. A row is a mailbox with a name; `live` while a process stands behind it, `away` after that. */

const MAX_SUMMARY = 2_500
/** Mailboxes without a process that a list shows, those left last; the others can still be written to. */
const MAX_AWAY_SHOWN = 20
/** An id prefix shorter than this would fit by accident. */
const MIN_PREFIX = 4

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
    /** Of another machine, where there are several. */
    signOf?: (hostId: string) => HostSign
  },
) {
  const comings = createComings(clock, events, on.isGone)

  function toPeer(row: PeerRow): Peer {
    const bootId = row.boot_id ?? ''
    const host = hostOf(bootId)
    // Beats of another machine's peers do not come here: that machine's own does.
    const isElsewhere = bootSeen(bootId, clock.bootId) === 'elsewhere'
    const sign = isElsewhere ? on.signOf?.(host) : undefined
    const isSilent = isElsewhere ? (sign?.isSilent ?? false) : !isFresh(row.heartbeat_uptime, on.staleMs, bootId, clock)
    const seenAt = row.live === 1 && sign?.at !== undefined ? Math.max(sign.at, row.heartbeat_at) : row.heartbeat_at
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
      lastHeartbeat: isoTime(seenAt),
      status: row.live === 0 ? 'away' : isSilent ? 'stale' : 'active',
      reach: row.reach,
      pid: row.live === 1 ? row.pid : null,
    }
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

    hook: comings.hook,

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
      return database.write((tx) => comings.arrive(tx, arrival))
    },

    /** Joining as part of a transaction: of the first one in a file that this process has moved to. */
    arriving: (arrival: Arrival) => (tx: Transaction) => comings.arrive(tx, arrival),

    /** The same as part of a transaction that ends several. */
    ending: comings.end,

    /** Marks a process as gone: its locks are freed and its leaving is announced. True if it was this call that did it. */
    async end(id: string, reason: LeaveReason, socketPath: string | null): Promise<boolean> {
      return database.write((tx) => comings.end(tx, id, reason, socketPath))
    },

    /** Ends a peer for its silence, unless it has beaten since `row` was read. True if it was this call that did it. */
    async giveUp(row: PeerRow): Promise<boolean> {
      return database.write(
        (tx) =>
          byId(tx, row.id)?.heartbeat_uptime === row.heartbeat_uptime && comings.end(tx, row.id, 'expired', row.socket_path),
      )
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
     * The client has told which session this is. Returns the peer to be from now on: that of an earlier process of the session,
     * with the mail that has come meanwhile, where there was one.
     */
    async claimSession(
      id: string,
      sessionKey: string,
      arrival: Arrival,
      isNew = false,
    ): Promise<{ id: string; returned: boolean }> {
      return database.write((tx) => comings.claim(tx, id, sessionKey, arrival, isNew))
    },

    adopt: comings.adopt,

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
