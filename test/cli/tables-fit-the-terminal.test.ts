import fc from 'fast-check'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { type Column, cut, fitted, pad, table } from '../../src/cli/table.ts'
import { safe } from '../../src/cli/terminal.ts'

interface Row {
  name: string
  path: string
  size: number
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', of: (row) => row.name },
  { title: 'PATH', of: (row) => row.path, min: 10, cut: 'start' },
  { title: 'SIZE', of: (row) => String(row.size), align: 'right' },
]
const rows: readonly Row[] = [
  { name: 'otter', path: '/home/ada/projects/mesh/src/core/locks.ts', size: 7 },
  { name: '日本語', path: '/tmp/👨‍👩‍👧/ü', size: 12_345 },
]
const terminal = (width: number, isTty = true) => ({
  ...{ isTty, colour: false, out: () => {}, err: () => {} },
  size: () => ({ columns: width, rows: 24 }),
})
const widths = (text: string) => text.split('\n').map((line) => stringWidth(line))

describe('a table', () => {
  test('in a wide terminal shows everything, in columns under their titles', () => {
    const plain = [{ ...rows[0], name: 'otter' } as Row, { name: '日本語', path: '/tmp/日', size: 12_345 }]
    expect(table(terminal(200), columns, plain)).toBe(
      [
        'NAME    PATH                                        SIZE',
        'otter   /home/ada/projects/mesh/src/core/locks.ts      7',
        '日本語  /tmp/日                                    12345',
      ].join('\n'),
    )
  })

  test.each([20, 40, 80, 200])('fits %d columns', (width) => {
    for (const line of widths(table(terminal(width), columns, rows))) expect(line).toBeLessThanOrEqual(width)
  })

  test('cuts what may be cut, with an ellipsis where something is missing', () => {
    const [, first] = table(terminal(40), columns, rows).split('\n')
    expect(first).toMatch(/^otter {3}…\S+\/locks\.ts +7$/)
  })

  test('says which columns it has no room for', () => {
    expect(table(terminal(20), columns, rows)).toMatch(/\(no room for: SIZE\)$/)
  })

  test('for a program is whole values between tabs, without titles', () => {
    expect(table(terminal(20, false), columns, rows.slice(0, 1))).toBe('otter\t/home/ada/projects/mesh/src/core/locks.ts\t7')
  })

  test('shows what a terminal would obey, and keeps a value on its line', () => {
    for (const isTty of [true, false]) {
      const text = table(terminal(200, isTty), columns, [{ name: 'a\u001b[2J\nb\tc', path: '\u202ex', size: 1 }])
      expect(text).toContain('a\\u001b[2J\\u000ab\\u0009c')
      expect(text).toContain('\\u202ex')
      expect(text.split('\n')).toHaveLength(isTty ? 2 : 1)
    }
  })
})

const characters = fc.string({ unit: 'grapheme', maxLength: 60 })
const wide = fc
  .array(fc.constantFrom('日', '👍', '👨‍👩‍👧', 'é', 'e\u0301', 'x', ' ', '🇪🇺', '\u001b', '\u202e'), { maxLength: 40 })
  .map((all) => all.join(''))
const cell = fc.oneof(characters, wide)

test('no line is ever wider than the terminal, and nothing is missing without an ellipsis or a word', () => {
  const column = fc.record({
    title: fc.constantFrom('A', 'TITLE', 'A LONGER TITLE'),
    min: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    cut: fc.constantFrom('start' as const, 'end' as const),
  })
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 6 }),
      fc.array(fc.array(cell, { minLength: 6, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 240 }),
      (described, values, width) => {
        const given: Column<string[]>[] = described.map(({ title, min, cut }, i) => ({
          ...{ title, cut, of: (row: string[]) => row[i] ?? '' },
          ...(min !== undefined && { min }),
        }))
        const text = table(terminal(width), given, values)
        for (const line of widths(text)) expect(line).toBeLessThanOrEqual(width)
        const whole = table(terminal(1_000_000), given, values)
        if (text !== whole) expect(text).toMatch(/…|\(no room for: /)
      },
    ),
    { numRuns: 500 },
  )
})

test('cut keeps whole characters, says that something is missing, and takes all the room that it can use', () => {
  fc.assert(
    fc.property(
      cell,
      fc.integer({ min: 0, max: 70 }),
      fc.constantFrom('start' as const, 'end' as const),
      (given, width, where) => {
        const text = safe(given)
        const short = cut(text, width, where)
        expect(stringWidth(short)).toBeLessThanOrEqual(Math.max(width, 0))
        if (stringWidth(text) <= width) expect(short).toBe(text)
        else if (width > 0) {
          expect(where === 'end' ? short.endsWith('…') : short.startsWith('…')).toBe(true)
          const kept = short.replace('…', '')
          expect(where === 'end' ? text.startsWith(kept) : text.endsWith(kept)).toBe(true)
          const missing = [
            ...new Intl.Segmenter().segment(where === 'end' ? text.slice(kept.length) : text.slice(0, -kept.length || undefined)),
          ]
          const next = missing.at(where === 'end' ? 0 : -1)?.segment ?? ''
          expect(next).not.toBe('')
          expect(stringWidth(short) + stringWidth(next)).toBeGreaterThan(width)
        }
      },
    ),
    { numRuns: 500 },
  )
})

test('pad fills up to a width, on the side that is asked for', () => {
  expect([pad('日', 4), pad('日', 4, 'right'), pad('longer', 3)]).toEqual(['日  ', '  日', 'longer'])
})

test('a terminal too small for one column still gets that one, cut', () => {
  expect(fitted([{}, {}], [30, 30], 10)).toEqual({ widths: [10], left: [{}] })
})
