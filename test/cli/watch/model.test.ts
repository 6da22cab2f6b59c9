import { expect, test } from 'vitest'
import { split } from '../../../src/cli/commands/watch/keys.ts'
import { apply, empty } from '../../../src/cli/commands/watch/model.ts'
import { shortener } from '../../../src/cli/commands/watch/words.ts'
import { bytes, countdown, detailOf } from '../../../src/core/words.ts'
import { event, message, NOW, peer } from '../../support/watch-models.ts'

const start = apply(empty('/data'), { kind: 'peers', peers: [peer(), peer({ id: 'p_2', name: 'calm-fox' })] })
const received = event({ type: 'message_received', payload: { messageId: 'm_1', from: 'p_1', to: 'p_2' } })

test('mail is listed as soon as its event tells of it, and once when its text is known', () => {
  const announced = apply(start, { kind: 'event', event: received })
  expect(announced.mail).toMatchObject([{ id: 'm_1', from: 'brave-otter', to: 'calm-fox', read: null }])
  const read = apply(announced, { kind: 'mail', messages: [message()] })
  expect(read.mail).toMatchObject([{ id: 'm_1', read: { payload: 'hello', state: 'queued' } }])
  const seen = apply(read, { kind: 'mail', messages: [message({ state: 'seen' })] })
  expect(seen.mail).toMatchObject([{ id: 'm_1', read: { state: 'seen' } }])
  // An event that comes later than the text does not take it away.
  expect(apply(seen, { kind: 'event', event: { ...received, seq: 2 } }).mail).toEqual(seen.mail)
  // After a gap, or in another file, nothing that was known counts.
  expect(apply(seen, { kind: 'history', events: [] }).mail).toEqual([])
})

test('an event that is known already, after a change of leader, is not listed twice', () => {
  const once = apply(start, { kind: 'event', event: event({ seq: 5 }) })
  expect(apply(once, { kind: 'event', event: event({ seq: 5 }) })).toBe(once)
  expect(apply(once, { kind: 'event', event: event({ seq: 6, id: 'e_2' }) }).events.map(({ seq }) => seq)).toEqual([6, 5])
})

test('what is kept is bounded', () => {
  const events = Array.from({ length: 700 }, (_, seq) =>
    event({ id: `e_${seq}`, seq, type: 'message_received', payload: { messageId: `m_${seq}` } }),
  )
  const model = events.reduce((before, next) => apply(before, { kind: 'event', event: next }), start)
  expect([model.events.length, model.mail.length]).toEqual([500, 500])
  expect(model.events[0]?.seq).toBe(699)
})

test('those who are no longer listed keep their names', () => {
  const left = event({ type: 'peer_left', payload: { id: 'p_9', name: 'old-crow', reason: 'left' } })
  const model = apply(apply(start, { kind: 'event', event: left }), {
    kind: 'event',
    event: { ...received, seq: 2, payload: { messageId: 'm_7', from: 'p_9', to: 'p_0' } },
  })
  expect(model.mail[0]).toMatchObject({ from: 'old-crow', to: 'p_0' })
})

test('events say what happened in a few words', () => {
  const said = (type: string, payload: Record<string, unknown>) =>
    detailOf(event({ type, payload }), (id) => start.names.get(id) ?? id)
  expect(said('peer_joined', { agentType: 'codex', projectPath: '/w', returned: true })).toBe('is back: codex in /w')
  expect(said('message_received', { to: 'p_2' })).toBe('to calm-fox')
  expect(said('file_unlocked', { filePath: '/w/a', reason: 'crashed' })).toBe('/w/a (crashed)')
  expect(said('leader_elected', { term: 4, because: 'dead', previous: { name: 'old-crow' } })).toBe(
    'leads term 4, after old-crow (dead)',
  )
  expect(said('leader_elected', { term: 1, because: 'vacant', previous: null })).toBe('leads term 1 (vacant)')
  expect(said('state_changed', { namespace: 'default', key: 'k', change: 'updated' })).toBe('default/k updated')
  expect(said('x_deploy', { target: 'staging' })).toBe('{"target":"staging"}')
})

test('paths are said from their repository on, with its name where there are several', () => {
  const [one, two] = [peer(), peer({ gitRoot: '/code/blog' })]
  expect(shortener([one, one])('/code/shop/src/a.ts')).toBe('src/a.ts')
  expect(shortener([one, two])('/code/shop/src/a.ts')).toBe('shop/src/a.ts')
  expect(shortener([one])('/code/shopping/a.ts')).toBe('/code/shopping/a.ts')
  expect(shortener([one])('/code/shop')).toBe('/code/shop')
})

test('figures and countdowns', () => {
  const left = (ms: number) => countdown(new Date(NOW + ms).toISOString(), NOW)
  expect([9_000, 581_000, 7_500_000, 1, -1].map(left)).toEqual(['0:09', '9:41', '2:05:00', '0:01', '0:00'])
  expect([0, 999, 4_100, 463_000, 1_250_000].map(bytes)).toEqual(['0 B', '999 B', '4.1 kB', '463 kB', '1.3 MB'])
})

test('keys are told apart, also when they come together or in pieces', () => {
  expect(split('q\t\u001b[A\u001b[5~\u001bOB日')).toEqual({
    keys: ['q', '\t', '\u001b[A', '\u001b[5~', '\u001bOB', '日'],
    rest: '',
  })
  expect(split('\u001b')).toEqual({ keys: [], rest: '\u001b' })
  expect(split('j\u001b[5')).toEqual({ keys: ['j'], rest: '\u001b[5' })
  expect(split('\u001b\u001b[B')).toEqual({ keys: ['\u001b', '\u001b[B'], rest: '' })
  expect(split('\u001bx')).toEqual({ keys: ['\u001bx'], rest: '' })
})
