import * as fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import type { Line } from '../../../src/cli/commands/watch/line.ts'
import { draw, ENTER, type Frame, LEAVE } from '../../../src/cli/commands/watch/screen.ts'
import { view } from '../../../src/cli/commands/watch/view.ts'
import { createEmulator, feed, linesOf } from '../../support/screen.ts'
import { certain, controls, hostile, models, NOW } from '../../support/watch-models.ts'

const plain = (line: Line) => line.map(({ text }) => text).join('')
const size = fc.record({ columns: fc.integer({ min: 2, max: 170 }), rows: fc.integer({ min: 1, max: 50 }) })
const frames = (text: fc.Arbitrary<string>) =>
  fc.array(fc.record({ model: models(text), controls, size: fc.option(size), colour: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  })

/** Applies frame after frame to a real emulator, which is resized in between. */
async function play(
  sequence: typeof frames extends (text: never) => fc.Arbitrary<infer T> ? T : never,
  check: (shown: string[], lines: Line[], emulator: ReturnType<typeof createEmulator>) => void,
) {
  let now = { columns: 80, rows: 24 }
  const emulator = createEmulator(now.columns, now.rows)
  let frame: Frame | undefined
  await feed(emulator, ENTER)
  for (const next of sequence) {
    if (next.size) {
      emulator.resize(next.size.columns, next.size.rows)
      now = { columns: emulator.cols, rows: emulator.rows }
    }
    const lines = view(next.model, next.controls, now, NOW)
    const drawn = draw(frame, lines, now, next.colour)
    frame = drawn.frame
    await feed(emulator, drawn.bytes)
    check(linesOf(emulator), lines, emulator)
    expect(emulator.buffer.active.baseY).toBe(0)
  }
  await feed(emulator, LEAVE)
  expect(emulator.buffer.active.type).toBe('normal')
  expect(linesOf(emulator).join('').trim()).toBe('')
  emulator.dispose()
}

test('frame after frame, at any size, the screen is what the view says', async () => {
  await fc.assert(
    fc.asyncProperty(frames(certain), (sequence) => play(sequence, (shown, lines) => expect(shown).toEqual(lines.map(plain)))),
    { numRuns: 40 },
  )
})

test('text that terminals do not agree on moves nothing that stands behind it', async () => {
  await fc.assert(
    fc.asyncProperty(frames(hostile), (sequence) =>
      play(sequence, (_, lines, emulator) => {
        lines.forEach((line, row) => {
          let column = 0
          let isAfterDoubt = false
          for (const { segment } of new Intl.Segmenter().segment(plain(line))) {
            const isAscii = /^[!-~]$/.test(segment)
            // A terminal that takes a character for wider covers the next column, and no other.
            if (isAscii && !isAfterDoubt)
              // A mark that we count as a character of its own may sit on this one.
              expect(emulator.buffer.active.getLine(row)?.getCell(column)?.getChars().charAt(0), plain(line)).toBe(segment)
            isAfterDoubt = !/^[ -~]$/.test(segment)
            column += stringWidth(segment)
          }
        })
      }),
    ),
    { numRuns: 40 },
  )
})

test('what has not changed is not written again; what has changed is one write of its lines', () => {
  const lines = (word: string): Line[] => [[{ text: 'same' }], [{ text: word, style: 'red' }], [{ text: 'same' }]]
  const small = { columns: 4, rows: 3 }
  const first = draw(undefined, lines('here'), small, true)
  expect(first.bytes).toBe(
    '\u001b[?2026h\u001b[0m\u001b[2J\u001b[1;1Hsame\u001b[2;1H\u001b[31mhere\u001b[39m\u001b[3;1Hsame\u001b[?2026l',
  )
  expect(draw(first.frame, lines('here'), small, true).bytes).toBe('')
  expect(draw(first.frame, lines('gone'), small, true).bytes).toBe(
    '\u001b[?2026h\u001b[2;1H\u001b[31mgone\u001b[39m\u001b[?2026l',
  )
  // Another size is another screen.
  expect(draw(first.frame, lines('here'), { columns: 5, rows: 3 }, true).bytes).toContain('\u001b[2J')
  expect(draw(undefined, lines('here'), small, false).bytes).not.toMatch(/\[3\dm/)
})
