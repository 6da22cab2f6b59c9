import type { Overview, OverviewMessage, OverviewPeer } from '../../../../src/peer/leader/dashboard/contract.ts'
import type { WireEvent } from '../../../../src/peer/leader/dashboard/page/wire.ts'

/** What the leader would tell the page. */

const AT = '2026-01-01T00:00:00.000Z'

export const event = (seq: number, change: Partial<WireEvent> = {}): WireEvent => ({
  id: `e_${seq}`,
  seq,
  type: 'peer_updated',
  payload: {},
  emittedBy: null,
  emittedByName: null,
  createdAt: AT,
  ...change,
})

export const message = (seq: number, change: Partial<OverviewMessage> = {}): OverviewMessage => ({
  id: `m_${seq}`,
  seq,
  from: { id: 'p1', name: 'otter', agentType: 'codex' },
  to: { id: 'p2', name: 'lynx' },
  type: 'text',
  priority: 'normal',
  payload: 'hello',
  createdAt: AT,
  deliveredAt: null,
  readAt: null,
  state: 'queued',
  replyTo: null,
  thread: 't',
  ...change,
})

export const peer = (id: string, change: Partial<OverviewPeer> = {}): OverviewPeer => ({
  id,
  name: id,
  agentType: 'codex',
  kind: 'session',
  unread: 0,
  projectPath: '/shop',
  gitRoot: null,
  gitBranch: null,
  summary: '',
  startedAt: AT,
  lastHeartbeat: AT,
  status: 'active',
  reach: 'poll',
  pid: 1,
  ...change,
})

export const overview = (change: Partial<Overview> = {}): Overview => ({
  version: '0',
  now: AT,
  leader: null,
  elections: 0,
  peers: [],
  locks: [],
  namespaces: [],
  stored: { messages: 0, events: 0, sizeBytes: 0, walSizeBytes: 0 },
  figures: {
    messages: { queued: 0, notified: 0, seen: 0, acked: 0, expired: 0 },
    sent: 0,
    emitted: 0,
    elections: 0,
    deliveries: { buckets: [], totalMs: 0 },
  },
  lastEvent: 0,
  lastMessage: 0,
  ...change,
})
