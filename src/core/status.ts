import * as z from 'zod'
import type { Clock } from './clock.ts'
import type { Database } from './database.ts'
import { fail } from './errors.ts'
import { operation } from './operation.ts'
import { Peer, type PeerRow, type Peers } from './peers.ts'
import { VERSION } from './version.ts'

/** The counts that status shows; none of them takes longer when more is stored. */

const Counts = z.object({
  peers: z.object({ active: z.int(), stale: z.int(), away: z.int(), total: z.int() }),
  messages: z.object({ total: z.int(), unread: z.int(), undelivered: z.int() }),
  locks: z.int(),
  events: z.int(),
  db: z.object({ sizeBytes: z.int(), walSizeBytes: z.int() }),
})

export type Status = ReturnType<typeof createStatus>

export function createStatus(database: Database, clock: Clock, peers: Peers) {
  const startedUptime = clock.uptime()
  return {
    /** How long this process has had the mesh open, in seconds. */
    uptimeS: () => Math.round((clock.uptime() - startedUptime) / 1000),

    async counts(): Promise<z.infer<typeof Counts>> {
      return database.read((sql) => {
        const rows = sql.all<PeerRow>('SELECT * FROM peers')
        const having = (status: Peer['status']) => rows.filter((row) => peers.toPeer(row).status === status).length
        const total = (name: string) => sql.get<{ value: number }>('SELECT value FROM totals WHERE name = ?', name)?.value ?? 0
        const sum = (column: 'unread' | 'queued') => rows.reduce((n, row) => n + row[column], 0)
        return {
          peers: { active: having('active'), stale: having('stale'), away: having('away'), total: rows.length },
          messages: { total: total('messages'), unread: sum('unread'), undelivered: sum('queued') },
          locks: sql.get<{ n: number }>('SELECT count(*) AS n FROM locks')?.n ?? 0,
          events: total('events'),
          db: database.sizes(),
        }
      })
    },
  }
}

const Leader = z.object({
  id: z.string(),
  name: z.string(),
  pid: z.int(),
  term: z.int(),
  port: z.int().nullable(),
  since: z.string(),
})

export const statusOperations = {
  'mesh.status': operation({
    summary: 'The mesh at a glance: me, the leader, counts.',
    effect: 'read',
    input: z.object({}),
    output: Counts.extend({
      self: Peer.extend({ unread: z.int(), subscribed: z.array(z.string()) }),
      leader: Leader.nullable(),
      version: z.string(),
      uptime: z.int().describe('seconds'),
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
          pid: peer.process.pid,
          term,
          port,
          since: new Date(peer.electedAt).toISOString(),
        },
        ...(await store.status.counts()),
        version: VERSION,
        uptime: store.status.uptimeS(),
      }
    },
  }),
}
