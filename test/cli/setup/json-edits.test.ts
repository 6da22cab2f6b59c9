import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Edit, editJson, parseJson, Unparsable } from '../../../src/cli/setup/json.ts'
import { edited } from '../../../src/cli/setup/pieces.ts'

describe('an edit of JSON text', () => {
  const add = (text: string, value: unknown = 1) => editJson(text, [{ path: ['new'], value }])
  test.each([
    ['after the comment on the last line', '{\n  "a": 1 // about a\n}', '{\n  "a": 1, // about a\n  "new": 1\n}'],
    ['after a trailing comma, with one of its own', '{\n  "a": 1,\n}', '{\n  "a": 1,\n  "new": 1,\n}'],
    ['on the line where all is one line', '{"a":1}', '{"a":1,"new":1}'],
    ['with the spaces that are there', '{ "a": 1 }', '{ "a": 1, "new": 1 }'],
    ['before the comments at the end', '{\n\t"a": 1\n\t// the end, here\n}', '{\n\t"a": 1,\n\t"new": 1\n\t// the end, here\n}'],
    ['with the ends of lines that are there', '{\r\n "a": 1\r\n}\r\n', '{\r\n "a": 1,\r\n "new": 1\r\n}\r\n'],
    ['behind a comment that holds a comma', '{\n  "a": 1 /* b, c */\n}', '{\n  "a": 1, /* b, c */\n  "new": 1\n}'],
    ['into nothing', '', '{\n  "new": 1\n}\n'],
    ['below what is only a comment', '// later', '// later\n{\n  "new": 1\n}\n'],
  ])('adds %s, and takes it out again', (_, before, after) => {
    expect(add(before)).toBe(after)
    if (before.includes('{')) expect(editJson(after, [{ path: ['new'], value: undefined }])).toBe(before)
  })

  test('what is no JSON is refused with its line', () => {
    for (const [text, line] of [
      ['{', 1],
      ['{\n "a": x\n}', 2],
      ['{}\n\n{}', 3],
      ['{"a" 1}', 1],
    ] as const)
      expect(() => parseJson(text)).toThrow(expect.objectContaining({ line }))
    expect(() => parseJson('[')).toThrow(Unparsable)
  })

  test('whatever the document, and however it is written, the text says afterwards what was meant', () => {
    const key = fc.constantFrom('a', 'b', 'slm-mesh', '__proto__', 'x"y')
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(1, 'text', null, true),
        fc.array(tie('value'), { maxLength: 3 }),
        fc
          .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 3, selector: ([name]) => name })
          .map((all) => Object.fromEntries(all)),
      ),
    }))
    const root = fc
      .uniqueArray(fc.tuple(key, value), { maxLength: 4, selector: ([name]) => name })
      .map((all) => Object.fromEntries(all))
    const style = fc.constantFrom(
      (text: string) => text,
      (text: string) => text.replaceAll('\n', '\r\n'),
      (text: string) => text.replace(/([^,[{\s])\n/g, '$1,\n').replace(/,\n?$/, ''),
      (text: string) => text.replaceAll('\n', ' // , "x": [\n'),
    )
    fc.assert(
      fc.property(
        root,
        fc.constantFrom(0, 2, '\t'),
        style,
        fc.array(key, { minLength: 1, maxLength: 3 }),
        value,
        (document, unit, styled, path, to) => {
          const text = styled(JSON.stringify(document, null, unit))
          expect(parseJson(text)).toEqual(document)
          // Ours is only ever put into objects.
          const isOpen = path.every((_, i) => {
            const inner = path.slice(0, i).reduce<unknown>((one, step) => (one as Record<string, unknown>)?.[step], document)
            return inner === undefined || (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
          })
          if (!isOpen || path.includes('__proto__')) return
          for (const edits of [
            [{ path, value: to }],
            [
              { path, value: to },
              { path, value: undefined },
            ],
          ] satisfies Edit[][]) {
            const expected = edits.reduce<unknown>((one, edit) => edited(one, edit.path, edit.value), document)
            expect(parseJson(editJson(text, edits))).toEqual(expected)
          }
        },
      ),
      { numRuns: 400 },
    )
  })
})
