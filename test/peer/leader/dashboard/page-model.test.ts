import { expect, test } from 'vitest'
import { concerns, filtered, windowOf } from '../../../../src/peer/leader/dashboard/page/filters.ts'
import { MAX_EVENTS, merged, staleAfter, withEvents, withMessages } from '../../../../src/peer/leader/dashboard/page/model.ts'
import { lettersOf, threadsOf } from '../../../../src/peer/leader/dashboard/page/threads.ts'
import type { WireEvent } from '../../../../src/peer/leader/dashboard/page/wire.ts'
import { bytes, countdown, detailOf, laidOut, shown, shownLines } from '../../../../src/peer/leader/dashboard/page/words.ts'
import { event, message } from './page-samples.ts'

const seqs = (all: readonly { seq: number }[]) => all.map(({ seq }) => seq)
const nameOf = (id: string) => `name of ${id}`

test('events stay in order, each once, however they come', () => {
  const known = [2, 3, 5].map((seq) => event(seq))
  expect(seqs(withEvents(known, [event(6), event(7)]))).toEqual([2, 3, 5, 6, 7])
  expect(seqs(withEvents(known, [event(1), event(3), event(4)]))).toEqual([1, 2, 3, 4, 5])
  expect(withEvents(known, [])).toBe(known)
})

test('beyond ten thousand events the oldest are let go', () => {
  const many = Array.from({ length: MAX_EVENTS }, (_, i) => event(i + 1))
  const more = withEvents(many, [event(MAX_EVENTS + 1)])
  expect(more).toHaveLength(MAX_EVENTS)
  expect(more[0]?.seq).toBe(2)
  expect(seqs(merged([{ seq: 1 }], [{ seq: 2 }, { seq: 3 }], 2))).toEqual([2, 3])
})

test('a message that was read meanwhile takes the place of what was known of it', () => {
  const known = withMessages([], [message(2), message(1, { state: 'queued' })])
  expect(withMessages(known, [message(1, { state: 'seen' })])[0]?.state).toBe('seen')
})

test('events say what is to be read again', () => {
  expect(staleAfter([event(1), event(2, { type: 'state_changed', payload: { namespace: 'plans' } })])).toEqual({
    mail: false,
    namespaces: new Set(['plans']),
  })
  expect(staleAfter([event(1, { type: 'message_received' })]).mail).toBe(true)
})

test('the timeline is narrowed by type, peer and text, newest first', () => {
  const all: WireEvent[] = [
    event(1, { type: 'file_locked', payload: { filePath: '/a/Session.ts' }, emittedBy: 'p1', emittedByName: 'otter' }),
    event(2, { type: 'message_received', payload: { from: 'p2', to: 'p1' }, emittedBy: 'p2', emittedByName: 'lynx' }),
    event(3, { type: 'peer_left', payload: { id: 'p3' }, emittedBy: 'p3', emittedByName: 'newt' }),
  ]
  const none = { types: new Set<string>(), peer: null, text: '' }
  expect(seqs(filtered(all, none, nameOf))).toEqual([3, 2, 1])
  expect(seqs(filtered(all, { ...none, types: new Set(['file_locked', 'peer_left']) }, nameOf))).toEqual([3, 1])
  expect(seqs(filtered(all, { ...none, peer: 'p1' }, nameOf))).toEqual([2, 1])
  expect(seqs(filtered(all, { ...none, text: ' session ' }, nameOf))).toEqual([1])
  expect(concerns(event(4, { payload: { holder: { id: 'p9' } } }), 'p9')).toBe(true)
})

test('of a long list only what is in view is drawn, and a little around it', () => {
  expect(windowOf(10_000, 30, 0, 300)).toEqual({ from: 0, to: 18 })
  expect(windowOf(10_000, 30, 3000, 300)).toEqual({ from: 92, to: 118 })
  expect(windowOf(5, 30, 9000, 300)).toEqual({ from: 0, to: 5 })
})

test('mail is grouped by thread, the newest first, and says how much of it is unread', () => {
  const threads = threadsOf([
    message(1, { thread: 'a', state: 'acked' }),
    message(2, { thread: 'b', state: 'queued', priority: 'urgent' }),
    message(3, { thread: 'a', state: 'notified' }),
  ])
  expect(threads.map(({ id, unread, urgent }) => [id, unread, urgent])).toEqual([
    ['a', 1, false],
    ['b', 1, true],
  ])
  expect(threads[0]?.participants.map(({ name }) => name)).toEqual(['otter', 'lynx'])
})

test('a letter to several is shown once', () => {
  const at = (seq: number, to: string) => message(seq, { to: { id: to, name: to } })
  const letters = lettersOf([at(1, 'x'), at(2, 'y'), at(3, 'z'), message(4, { payload: 'other' })])
  expect(letters.map(({ copies }) => copies.length)).toEqual([3, 1])
})

test('what would not be seen in the text of others is made visible; lines stay lines', () => {
  expect(shown('gnp.\u202etxe\u0007\n')).toBe('gnp.\\u202etxe\\u0007\\u000a')
  expect(shownLines('one\r\n\ttwo\u200b')).toBe('one\n\ttwo\\u200b')
})

test('every event has its words, also where its payload is not what was expected', () => {
  const of = (type: string, payload: Record<string, unknown>) => detailOf(event(1, { type, payload }), nameOf)
  expect(of('message_received', { to: 'p1' })).toBe('to name of p1')
  expect(of('file_locked', { filePath: '/a', reason: 'why' })).toBe('/a: why')
  expect(of('leader_elected', { term: 4, because: 'dead', previous: { id: 'p', name: 'newt' } })).toBe(
    'leads term 4, after newt (dead)',
  )
  expect(of('leader_elected', { previous: 7 })).toBe('leads term ')
  expect(of('state_changed', {})).toBe('/')
  expect(of('build.done', { ok: true })).toBe('{"ok":true}')
})

test('figures, countdowns and values are set out for people', () => {
  expect([0, 999, 1000, 4_200_000, 12_000_000_000].map(bytes)).toEqual(['0 B', '999 B', '1.0 kB', '4.2 MB', '12 GB'])
  const now = Date.parse('2026-01-01T00:00:00Z')
  expect(countdown('2026-01-01T00:00:09Z', now)).toBe('0:09')
  expect(countdown('2026-01-01T02:05:00Z', now)).toBe('2:05:00')
  expect(countdown('2025-12-31T23:00:00Z', now)).toBe('0:00')
  expect(laidOut('{"a":1}')).toBe('{\n  "a": 1\n}')
  expect(laidOut('{not json')).toBe('{not json')
})
