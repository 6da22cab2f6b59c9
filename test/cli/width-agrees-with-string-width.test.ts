import fc from 'fast-check'
import stringWidth from 'string-width'
import { expect, test } from 'vitest'
import { characters, width } from '../../src/cli/width.ts'

test('every character takes the room that string-width says', () => {
  const different: string[] = []
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code < 0xe000) continue
    const character = String.fromCodePoint(code)
    if (width(character) !== stringWidth(character)) different.push(code.toString(16))
  }
  expect(different).toEqual([])
})

test.each([
  '👨‍👩‍👧',
  '🇪🇺',
  '1️⃣',
  '❤️',
  '❤',
  'e\u0301',
  '日本語',
  '👍🏽',
  '각',
  'नि',
  'ก็',
  '©️',
  'ｱﾞ',
  '',
  'plain',
  'mixed 日 and 👍',
])('%s takes the room that string-width says', (text) => {
  expect(width(text)).toBe(stringWidth(text))
})

test('characters are what a reader counts', () => {
  expect(characters('a👨‍👩‍👧e\u0301日')).toEqual(['a', '👨‍👩‍👧', 'e\u0301', '日'])
  expect(characters('plain')).toEqual(['p', 'l', 'a', 'i', 'n'])
})

test('any text takes the room that string-width says', () => {
  const jamo = fc.constantFrom('\u1100', '\u1161', '\u11a8', '한', '\ud7b0', '\ua960', 'a', '日', '\u0301', '👍', '\u200d')
  const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string({ unit: jamo }))
  fc.assert(
    fc.property(texts, (text) => {
      // Colours are not text: they are added after measuring.
      fc.pre(!text.includes('\u001b') && !text.includes('\u009b'))
      expect(width(text)).toBe(stringWidth(text))
    }),
    { numRuns: 500 },
  )
})
