import * as fc from 'fast-check'
import type { Controls } from '../../src/cli/commands/watch/controls.ts'
import { PANES } from '../../src/cli/commands/watch/layout.ts'
import { apply, empty, type Model } from '../../src/cli/commands/watch/model.ts'
import type { Event } from '../../src/core/event.ts'
import type { Lock } from '../../src/core/lock.ts'
import type { Message } from '../../src/core/message.ts'
import type { Peer } from '../../src/core/peer.ts'

/** Models as the mesh could make them, of any text that peers could write. */

export const NOW = Date.parse('2026-03-01T12:00:00.000Z')
const at = (ms: number) => new Date(NOW + ms).toISOString()

export const peer = (more: Partial<Peer> = {}): Peer => ({
  ...{ id: 'p_1', name: 'brave-otter', agentType: 'codex', projectPath: '/code/shop', gitRoot: '/code/shop', gitBranch: 'main' },
  ...{ summary: 'the parser', startedAt: at(-60_000), lastHeartbeat: at(-1_000), status: 'active', reach: 'poll', pid: 1 },
  ...more,
})
export const lock = (more: Partial<Lock> = {}): Lock => ({
  ...{ filePath: '/code/shop/a.ts', lockedBy: { id: 'p_1', name: 'brave-otter' }, lockedAt: at(-9_000), expiresAt: at(600_000) },
  ...{ reason: 'a fix', token: 1 },
  ...more,
})
export const message = (more: Partial<Message> = {}): Message => ({
  ...{ id: 'm_1', from: { id: 'p_1', name: 'brave-otter', agentType: 'codex' }, to: { id: 'p_2', name: 'calm-fox' } },
  ...{ type: 'text', priority: 'normal', payload: 'hello', createdAt: at(-5_000), deliveredAt: null, readAt: null },
  ...{ state: 'queued', replyTo: null, thread: 'm_1' },
  ...more,
})
export const event = (more: Partial<Event> = {}): Event => ({
  ...{ id: 'e_1', seq: 1, type: 'x_custom', payload: {}, emittedBy: { id: 'p_1', name: 'brave-otter' }, createdAt: at(-5_000) },
  ...more,
})

/** Whatever a peer may send, with a preference for what breaks terminals. */
export const hostile: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        ...[
          '\u001b[2J',
          '\u001b]0;x\u0007',
          '\r\n',
          '\t',
          '\u0000',
          '\u009b31m',
          '\u202e',
          '\u2028',
          '\ud800',
          'e\u0301\u0301\u0301\u0301\u0301',
        ],
        ...['日本語', '한국어', '👨‍👩‍👧', '🚀', '⚠️', '🇩🇪', 'ｶﾞ', 'ก็็็', 'नमस्ते', '\u1100', '\u1161', 'a', ' ', 'word '],
      ),
      { maxLength: 40 },
    )
    .map((pieces) => pieces.join('')),
)

/** Text that every terminal finds equally wide. */
export const certain: fc.Arbitrary<string> = fc
  .array(fc.constantFrom('a', 'Z', '0', ' ', '~', 'ä', 'ж', '日', '語', 'の', 'カ', '한', '…', '→'), { maxLength: 90 })
  .map((pieces) => pieces.join(''))

const time = fc.integer({ min: -100_000_000, max: 100_000_000 }).map(at)
const named = (text: fc.Arbitrary<string>) => fc.record({ id: text, name: text })

export const models = (text: fc.Arbitrary<string>): fc.Arbitrary<Model> =>
  fc
    .record({
      leads: fc.option(text),
      why: text,
      peers: fc.array(
        fc.record({
          ...{ id: text, name: text, agentType: text, projectPath: text, gitRoot: fc.option(text), gitBranch: fc.option(text) },
          ...{ summary: text, startedAt: time, lastHeartbeat: time, pid: fc.option(fc.nat()) },
          ...{
            status: fc.constantFrom<Peer['status']>('active', 'stale', 'away'),
            reach: fc.constantFrom<Peer['reach']>('wake', 'hooks', 'poll'),
          },
        }),
        { maxLength: 12 },
      ),
      unread: fc.nat({ max: 200 }),
      locks: fc.array(
        fc.record({ filePath: text, lockedBy: named(text), lockedAt: time, expiresAt: time, reason: text, token: fc.nat() }),
        { maxLength: 12 },
      ),
      mail: fc.array(
        fc.tuple(text, text, text, time, fc.constantFrom<Message['state']>('queued', 'notified', 'seen', 'acked', 'expired')),
        { maxLength: 20 },
      ),
      events: fc.array(
        fc.tuple(
          fc.constantFrom(
            'x_custom',
            'peer_joined',
            'peer_updated',
            'message_received',
            'file_locked',
            'file_unlocked',
            'state_changed',
            'leader_elected',
          ),
          fc.dictionary(
            fc.constantFrom('id', 'name', 'filePath', 'reason', 'previous', 'to', 'messageId', 'summary'),
            fc.oneof(text, fc.jsonValue()),
          ),
          text,
          time,
        ),
        { maxLength: 20 },
      ),
      counts: fc.option(fc.nat({ max: 1_000_000_000 })),
      outage: fc.option(text),
    })
    .map(({ leads, why, outage, peers, unread, locks, mail, events, counts }) => {
      const first = peers[0]
      const link =
        leads === null
          ? ({ via: 'nothing', why } as const)
          : ({
              via: 'file',
              term: 3,
              last: leads,
              leader: first ? { id: first.id, name: leads, pid: 1, port: 7899, electedAt: NOW, answers: true } : null,
            } as const)
      let model = apply(empty(why), { kind: 'link', link })
      model = apply(model, { kind: 'outage', outage })
      model = apply(model, { kind: 'peers', peers })
      model = apply(model, { kind: 'locks', locks })
      if (first) model = apply(model, { kind: 'unread', peerId: first.id, unread: { count: unread, more: unread > 100 } })
      model = apply(model, {
        kind: 'history',
        events: events.map(([type, payload, name, createdAt], i) =>
          event({ id: `e_${i}`, seq: i, type, payload, emittedBy: { id: name, name }, createdAt }),
        ),
      })
      model = apply(model, {
        kind: 'mail',
        messages: mail.map(([payload, from, to, createdAt, state], i) =>
          message({
            id: `m_${i}`,
            payload,
            from: { id: from, name: from, agentType: '' },
            to: { id: to, name: to },
            createdAt,
            state,
          }),
        ),
      })
      if (counts === null) return model
      const n = counts
      return apply(model, {
        kind: 'counts',
        counts: {
          peers: { active: n, stale: n % 3, away: n % 2, total: n },
          messages: { total: n, unread: n % 7, undelivered: 0 },
          ...{ locks: n, events: n, db: { sizeBytes: n, walSizeBytes: n } },
        },
      })
    })

export const controls: fc.Arbitrary<Controls> = fc.record({
  focus: fc.constantFrom(...PANES),
  scrolled: fc.record({ peers: fc.nat(30), mail: fc.nat(30), locks: fc.nat(30), events: fc.nat(30) }),
  zoomed: fc.boolean(),
  help: fc.boolean(),
  paused: fc.option(fc.constant({ model: empty('paused'), at: NOW })),
})
