import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import { isoTime } from './iso-time.ts'
import { IN_MAILBOX, State } from './message.ts'
import { operation } from './operation.ts'
import { Peer, type PeerRow } from './peer.ts'
import type { Peers } from './peers.ts'
import * as z from './schema.ts'
import type { Storage } from './storage.ts'
import { VERSION } from './version.ts'

/** The counts that status shows; none of them takes longer when more is stored. */

const Counts = z.once(() =>
  z.object({
    peers: z.object({ active: z.int(), stale: z.int(), away: z.int(), total: z.int() }),
    messages: z.object({ total: z.int(), unread: z.int(), undelivered: z.int() }),
    locks: z.int(),
    events: z.int(),
    db: z.object({ sizeBytes: z.int(), walSizeBytes: z.int() }),
  }),
)

const WAITING = `SELECT
  EXISTS (SELECT 1 FROM messages INDEXED BY messages_queued
          WHERE ${IN_MAILBOX} AND seen_at IS NULL AND expired_at IS NULL AND notified_at IS NULL) AS mail,
  EXISTS (SELECT 1 FROM subscriptions WHERE peer_id = ? AND purpose = 'agent') AS events,
  EXISTS (SELECT 1 FROM edit_news WHERE peer_id = ? AND told = 0) AS edits`

export type Status = ReturnType<typeof createStatus>

export function createStatus(database: Storage, clock: Clock, peers: Peers) {
  const startedUptime = clock.uptime()
  return {
    /** How long this process has had the mesh open, in seconds. */
    uptimeS: () => Math.round((clock.uptime() - startedUptime) / 1000),

    /**
     * What a peer may have to be told of: mail, events that it has subscribed to, news of its files. One short look, because
     * every answer to an agent begins with it, and mostly there is nothing.
     */
    async waiting(peerId: string): Promise<{ mail: boolean; events: boolean; edits: boolean }> {
      const found = database.read((sql) =>
        sql.get<{ mail: 0 | 1; events: 0 | 1; edits: 0 | 1 }>(WAITING, peerId, peerId, peerId, peerId),
      )
      return { mail: found?.mail === 1, events: found?.events === 1, edits: found?.edits === 1 }
    },

    async counts(): Promise<z.infer<ReturnType<typeof Counts>>> {
      return database.read((sql) => {
        const mailboxes = sql.all<PeerRow>('SELECT * FROM peers')
        const rows = mailboxes.filter((row) => row.kind !== 'known')
        const having = (status: Peer['status']) => rows.filter((row) => peers.toPeer(row).status === status).length
        const total = (name: string) => sql.get<{ value: number }>('SELECT value FROM totals WHERE name = ?', name)?.value ?? 0
        const sum = (column: 'unread' | 'queued') => mailboxes.reduce((n, row) => n + row[column], 0)
        return {
          peers: { active: having('active'), stale: having('stale'), away: having('away'), total: rows.length },
          messages: { total: total('messages'), unread: sum('unread'), undelivered: sum('queued') },
          locks: sql.get<{ n: number }>('SELECT count(*) AS n FROM locks')?.n ?? 0,
          events: total('events'),
          db: database.wal.sizes(),
        }
      })
    },

    /** What monitoring wants to know; kept as it happens, so that asking costs the same however much is stored. */
    async figures(): Promise<Figures> {
      return database.read((sql) => {
        const totals = new Map(sql.all<{ name: string; value: number }>('SELECT * FROM totals').map((t) => [t.name, t.value]))
        const total = (name: string) => totals.get(name) ?? 0
        const last = (table: 'events' | 'messages') =>
          sql.get<{ seq: number }>('SELECT seq FROM sqlite_sequence WHERE name = ?', table)?.seq ?? 0
        const states = State().options.map((state) => [state, total(`messages.${state}`)] as const)
        return {
          // The options are the keys.
          messages: Object.fromEntries(states) as Figures['messages'],
          sent: last('messages'),
          emitted: last('events'),
          elections: total('elections'),
          deliveries: {
            buckets: sql.all<{ leMs: number; count: number }>(
              'SELECT le_ms AS "leMs", count FROM delivery_latency ORDER BY le_ms',
            ),
            totalMs: total('deliveries.ms'),
          },
        }
      })
    },
  }
}

export interface Figures {
  readonly messages: Readonly<Record<z.infer<ReturnType<typeof State>>, number>>
  /** Ever, not only those that are still stored. */
  readonly sent: number
  readonly emitted: number
  readonly elections: number
  /** From sent to told or shown. Each bucket counts what took at most `leMs` and longer than the one before. */
  readonly deliveries: { readonly buckets: readonly { leMs: number; count: number }[]; readonly totalMs: number }
}

const Leader = z.once(() =>
  z.object({
    id: z.string(),
    name: z.string(),
    agentType: z.string(),
    pid: z.int(),
    term: z.int(),
    port: z.nullable(z.int()),
    since: z.string(),
  }),
)

export const statusOperations = {
  'mesh.status': operation({
    summary: 'The mesh at a glance: me, the leader, counts.',
    effect: 'read',
    input: () => z.object({}),
    output: () =>
      z.extend(Counts(), {
        self: z.extend(Peer(), { unread: z.int(), subscribed: z.array(z.string()) }),
        leader: z.nullable(Leader()),
        version: z.string(),
        uptime: z.int().check(z.describe('seconds')),
      }),
    run: async ({ store, actor }) => {
      const row = await store.peers.get(actor.id)
      if (!row) throw fail('unknown_peer', { peer: actor.name, suggestions: [] })
      const { term, peer, port } = store.leadership.read()
      return {
        self: { ...store.peers.toPeer(row), unread: row.unread, subscribed: await store.events.subscriptions(actor.id) },
        leader: peer && {
          id: peer.id,
          name: peer.name,
          agentType: (await store.peers.get(peer.id))?.agent_type ?? 'unknown',
          pid: peer.process.pid,
          term,
          port,
          since: isoTime(peer.electedAt),
        },
        ...(await store.status.counts()),
        version: VERSION,
        uptime: store.status.uptimeS(),
      }
    },
  }),
}
