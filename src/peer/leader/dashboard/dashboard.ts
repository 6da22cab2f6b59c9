import type { Clock } from '../../../core/clock.ts'
import type { Store } from '../../../core/store.ts'
import { VERSION } from '../../../core/version.ts'
import { parsed } from '../body.ts'
import { proofOf } from '../client.ts'
import { Refusal } from '../failures.ts'
import type { MessagePage, Overview, OverviewLeader, OverviewLock, OverviewMessage, OverviewPeer } from './contract.ts'
import { pageFile } from './page-files.ts'
import { MessagesQuery, type PagePath, ProofQuery } from './places.ts'

/** What the leader answers its dashboard; loaded with the first request for it. */

const PAGE = 50

export function createDashboard({ store, clock, outage }: { store: Store; clock: Clock; outage: () => string | null }) {
  return {
    file: (path: PagePath, accepted: string) => pageFile(path, accepted),

    async overview(): Promise<Overview> {
      // First where the log ends: what happens while the rest is read is told by the stream, which goes on from there.
      const lastEvent = await store.events.lastSeq()
      const figures = await store.status.figures()
      const { messages, events, db } = await store.status.counts()
      const peers: readonly OverviewPeer[] = await store.oversight.peers()
      const locks: readonly OverviewLock[] = await store.oversight.locks()
      const { term, peer, port } = store.leadership.read()
      const leader: OverviewLeader | null = peer && {
        ...{ id: peer.id, name: peer.name, pid: peer.process.pid, term, port },
        agentType: peers.find(({ id }) => id === peer.id)?.agentType ?? 'unknown',
        since: new Date(peer.electedAt).toISOString(),
      }
      const away = outage()
      return {
        ...(away !== null && { outage: away }),
        version: VERSION,
        now: new Date(clock.now()).toISOString(),
        leader,
        elections: figures.elections,
        peers,
        locks,
        namespaces: await store.oversight.namespaces(),
        stored: { messages: messages.total, events, ...db },
        figures,
        lastEvent,
        lastMessage: figures.sent,
      }
    },

    /**
     * What shows a page that this is the leader, before it tells its key: only a reader of the file knows the key's SHA-256.
     * Throws `invalid`, and `token` where there is no such key.
     */
    proof(query: Record<string, string>, on: { port: number; term: number }) {
      const { key, challenge } = parsed(ProofQuery(), 'dashboard/proof', query)
      const digest = store.browserKeys.digestOf(key)
      if (digest === undefined) throw new Refusal('token')
      const { pid } = process
      return { term: on.term, pid, proof: proofOf(digest, challenge, { ...on, pid }) }
    },

    /** Throws `invalid`. */
    async messages(query: Record<string, string>): Promise<MessagePage> {
      const { before, after, limit, ...rest } = parsed(MessagesQuery(), 'dashboard/messages', query)
      const found = await store.oversight.messages({
        ...rest,
        before: before === undefined ? undefined : Number(before),
        after: after === undefined ? undefined : Number(after),
        limit: limit === undefined ? PAGE : Number(limit),
      })
      const messages: readonly OverviewMessage[] = found.messages
      return { ...found, messages }
    },
  }
}
