import * as fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { keepPlace, press, START } from '../../../src/cli/commands/watch/controls.ts'
import { apply, empty, type Model } from '../../../src/cli/commands/watch/model.ts'
import { view } from '../../../src/cli/commands/watch/view.ts'
import { timeOfDay } from '../../../src/cli/commands/watch/words.ts'
import { controls, event, hostile, lock, message, models, NOW, peer } from '../../support/watch-models.ts'

const SMALL = { columns: 80, rows: 24 }
const textOf = (model: Model, size = SMALL, chosen = START, now = NOW) =>
  view(model, chosen, size, now).map((line) => line.map(({ text }) => text).join(''))
const pressed = (...keys: string[]) => keys.reduce((chosen, key) => press(chosen, key, many, SMALL, NOW) ?? chosen, START)

const ids = (n: number) => Array.from({ length: n }, (_, i) => i)
const many = [
  { kind: 'peers', peers: [peer(), peer({ id: 'p_2', name: 'calm-fox' })] } as const,
  { kind: 'history', events: ids(50).map((i) => event({ id: `e_${i}`, seq: i, type: `x_event_${i}` })) } as const,
].reduce(apply, empty('/data'))

describe('every screen', () => {
  test('has as many lines as the terminal, each exactly as wide, whatever peers write', () => {
    const size = fc.record({ columns: fc.integer({ min: 1, max: 220 }), rows: fc.integer({ min: 1, max: 70 }) })
    fc.assert(
      fc.property(models(hostile), controls, size, (model, chosen, size) => {
        const lines = textOf(model, size, chosen)
        expect(lines.length).toBe(size.rows)
        for (const line of lines) {
          expect(stringWidth(line)).toBe(size.columns)
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not be there
          expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Cs}/u)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('of less than 40 columns or 12 rows says how much it needs', () => {
    expect(textOf(many, { columns: 39, rows: 24 })[0]).toContain('40×12 needed')
    expect(textOf(many, { columns: 80, rows: 11 })[1]).toContain('this is 80×11')
    expect(textOf(many, { columns: 40, rows: 12 })[0]).toContain('SLM Mesh')
  })

  test('from 150 columns on has mail beside locks and events', () => {
    const row = (columns: number) => textOf(many, { columns, rows: 40 }).find((line) => line.includes('2 Mail'))
    expect(row(149)).not.toContain('3 Locks')
    expect(row(150)).toContain('3 Locks')
  })
})

describe('the header', () => {
  const leader = { id: 'p_2', name: 'calm-fox', pid: 42, port: 7899, electedAt: NOW, answers: true }
  const header = (link: Model['link'], size = SMALL) => textOf(apply(many, { kind: 'link', link }), size)[0]

  test('names the leader and its term, and a leader that does not answer', () => {
    expect(header({ via: 'leader', term: 7, leader, last: 'calm-fox' })).toMatch(/★ calm-fox leads term 7 · pid 42 · port 7899/)
    expect(header({ via: 'file', term: 7, leader: { ...leader, answers: false }, last: null })).toContain(
      'leads term 7 · does not answer',
    )
  })

  test('says that nobody leads, and who did; and why there is nothing to see', () => {
    expect(header({ via: 'file', term: 7, leader: null, last: 'calm-fox' })).toMatch(/Nobody leads.*calm-fox led last/)
    expect(header({ via: 'nothing', why: 'no mesh yet' })).toContain('no mesh yet')
  })

  test('says that the server of the mesh is away, in place of counts that are old', () => {
    const outage = "The mesh's server nats://team:4222 cannot be reached"
    const away = apply(many, { kind: 'outage', outage })
    expect(textOf(away)[1]).toContain(outage)
    expect(textOf(apply(away, { kind: 'outage', outage: null }))[1]).not.toContain(outage)
  })

  test('leaves out whole parts where there is no room for them', () => {
    expect(header({ via: 'leader', term: 7, leader, last: null }, { columns: 62, rows: 24 })).not.toMatch(/port|…/)
  })
})

describe('the panes', () => {
  test('the leader stands first and those that are away last, with what each has unread and locked', () => {
    const model = [
      {
        kind: 'link',
        link: {
          via: 'leader',
          term: 1,
          last: null,
          leader: { id: 'p_3', name: 'c', pid: 1, port: 1, electedAt: NOW, answers: true },
        },
      } as const,
      {
        kind: 'peers',
        peers: [
          peer({ id: 'p_1', name: 'gone-one', status: 'away', lastHeartbeat: new Date(NOW - 240_000).toISOString() }),
          peer({ id: 'p_2', name: 'calm-fox' }),
          peer({ id: 'p_3', name: 'quiet-owl' }),
        ],
      } as const,
      { kind: 'unread', peerId: 'p_2', unread: { count: 100, more: true } } as const,
      { kind: 'locks', locks: [lock({ lockedBy: { id: 'p_3', name: 'quiet-owl' } })] } as const,
    ].reduce(apply, empty('/data'))
    const rows = textOf(model, { columns: 120, rows: 30 }).slice(4, 7)
    expect(rows[0]).toMatch(/★ quiet-owl +codex +active +poll +1 +main +the parser/)
    expect(rows[1]).toMatch(/● calm-fox +codex +active +poll +100\+ +· +main/)
    expect(rows[2]).toMatch(/○ gone-one +codex +away 4 min/)
    // A narrow screen says it in the summary's column.
    expect(textOf(model).slice(4, 7)[2]).toMatch(/○ gone-one .* away 4 min · the parser/)
  })

  test('locks count down, the one that ends first on top', () => {
    const model = apply(many, {
      kind: 'locks',
      locks: [
        lock({ filePath: '/code/shop/later.ts', expiresAt: new Date(NOW + 7_500_000).toISOString() }),
        lock({ filePath: '/code/shop/soon.ts', expiresAt: new Date(NOW + 61_000).toISOString() }),
      ],
    })
    const locks = (now: number) => textOf(model, SMALL, START, now).filter((line) => line.includes('.ts'))
    expect(locks(NOW)[0]).toMatch(/ 1:01 +brave-otter +soon\.ts +a fix/)
    expect(locks(NOW)[1]).toMatch(/2:05:00 +brave-otter +later\.ts/)
    expect(locks(NOW + 2_000)[0]).toMatch(/ 0:59 /)
    expect(locks(NOW + 70_000)[0]).toMatch(/ over /)
  })

  test('mail shows its first line, its state, and what is urgent or a reply; newest first', () => {
    const messages = [
      message({ payload: '\n  first words\nsecond', state: 'seen' }),
      message({ id: 'm_2', payload: 'quick', priority: 'urgent', replyTo: 'm_1', createdAt: new Date(NOW).toISOString() }),
    ]
    const lines = textOf(apply(many, { kind: 'mail', messages })).filter((line) => line.includes('→'))
    expect(lines[0]).toMatch(/brave-otter +→ calm-fox +queued +! ↩ quick/)
    expect(lines[1]).toMatch(/brave-otter +→ calm-fox +seen +first words …/)
    expect(lines[1]).toContain(timeOfDay(message().createdAt))
  })

  test('empty ones say so', () => {
    const text = textOf(empty('/data')).join('\n')
    for (const words of ['Nobody is here', 'No mail yet', 'Nothing is locked', 'Nothing has happened'])
      expect(text).toContain(words)
  })
})

describe('keys', () => {
  const shown = (...keys: string[]) => textOf(many, SMALL, pressed(...keys))
  const firstEvent = (lines: string[]) => /x_event_\d+/.exec(lines.find((line) => line.includes('x_event')) ?? '')?.[0]

  test('q, Escape, Ctrl-C and Ctrl-D quit', () => {
    for (const key of ['q', '\u001b', '\u0003', '\u0004']) expect(press(START, key, many, SMALL, NOW)).toBeUndefined()
  })

  test('Tab and numbers move the heavy line', () => {
    const heavy = (lines: string[]) => lines.find((line) => line.startsWith('━'))
    expect(heavy(shown())).toContain('Peers')
    expect(heavy(shown('\t'))).toContain('Mail')
    expect(heavy(shown('\u001b[Z'))).toContain('Events')
    expect(heavy(shown('3'))).toContain('Locks')
  })

  test('arrows and pages scroll the focused pane, and stop at its ends', () => {
    expect(firstEvent(shown())).toBe('x_event_49')
    expect(firstEvent(shown('4', '\u001b[B', '\u001b[B'))).toBe('x_event_47')
    expect(firstEvent(shown('4', '\u001b[B', '\u001b[A', '\u001b[A'))).toBe('x_event_49')
    const last = shown('4', '\u001b[F')
    expect(last.join('\n')).toContain('x_event_0 ')
    expect(last.filter((line) => line.includes('x_event')).length).toBeGreaterThan(1)
    expect(firstEvent(shown('4', '\u001b[6~', '\u001b[5~'))).toBe('x_event_49')
    expect(firstEvent(shown('1', '\u001b[B'))).toBe('x_event_49')
  })

  test('what comes while somebody reads further down does not move what is read', () => {
    const more = apply(many, { kind: 'event', event: event({ id: 'e_new', seq: 99, type: 'x_event_99' }) })
    const kept = keepPlace(pressed('4', '\u001b[B'), many, more)
    expect(firstEvent(textOf(more, SMALL, kept))).toBe('x_event_48')
    expect(firstEvent(textOf(more, SMALL, keepPlace(START, many, more)))).toBe('x_event_99')
  })

  test('p holds the screen as it is, clocks too, until it is pressed again', () => {
    const model = apply(many, { kind: 'locks', locks: [lock({ expiresAt: new Date(NOW + 60_000).toISOString() })] })
    const paused = press(START, 'p', model, SMALL, NOW)!
    const later = apply(model, { kind: 'event', event: event({ id: 'e_new', seq: 99, type: 'x_event_99' }) })
    const text = textOf(later, SMALL, paused, NOW + 5_000).join('\n')
    expect(text).toContain('PAUSED')
    expect(text).toContain(' 1:00 ')
    expect(text).not.toContain('x_event_99')
    const resumed = press(paused, 'p', later, SMALL, NOW + 5_000)!
    const live = textOf(later, SMALL, resumed, NOW + 5_000).join('\n')
    for (const words of ['x_event_99', ' 0:55 ']) expect(live).toContain(words)
  })

  test('? shows the keys, and any key closes them; z gives a pane the whole screen', () => {
    expect(shown('?').join('\n')).toContain('scroll the pane with the heavy line')
    expect(shown('?', 'q')).toEqual(shown())
    expect(shown('4', 'z').filter((line) => line.includes('x_event')).length).toBe(20)
    expect(shown('4', 'z', 'z')).toEqual(shown('4'))
  })
})
