import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { fold } from '../../src/cli/fold.ts'

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc
    .array(fc.constantFrom('word ', 'a', '日本', '👍', ' ', 'https://example.com/a/very/long/path'), { maxLength: 40 })
    .map((all) => all.join('')),
)

test('whatever a text is made of, its lines fit and together say all of it', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 100 }), (line, width) => {
      const lines = fold(line, width)
      expect(lines.join('')).toBe(line)
      // Only a single character may be wider than there is room.
      for (const each of lines)
        if ([...new Intl.Segmenter().segment(each)].length > 1) expect(stringWidth(each)).toBeLessThanOrEqual(width)
    }),
    { numRuns: 1_000 },
  )
})

test('lines end between words where they can', () => {
  expect(fold('the tests are green again', 10)).toEqual(['the tests ', 'are green ', 'again'])
  expect(fold('unbreakable', 4)).toEqual(['unbr', 'eaka', 'ble'])
})
