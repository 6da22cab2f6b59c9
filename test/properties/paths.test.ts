import { mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalPath, keysAbove, keysBelow, pathInRepo, pathKey } from '../../src/core/file-path.ts'
import { testDir } from '../support/data-dir.ts'

/** The arithmetic of paths: what is above, below, the same, and inside. */

const NAMES = ['a', 'A', 'a0', 'a.', 'a-', 'a b', 'b', '0', '.x', '..x', '…', 'ä', '\u{10ffff}', '%', '_', '__proto__', ' ']
const name = fc.constantFrom(...NAMES)
const parts = fc.array(name, { maxLength: 5 })
const keyOf = (names: readonly string[]) => `/${names.join('/')}`

test('a key is below another exactly if it goes on from it, by the bytes that SQLite compares', () => {
  const bytes = (text: string) => Buffer.from(text)
  fc.assert(
    fc.property(parts, parts, fc.boolean(), (above, more, related) => {
      const upper = keyOf(above)
      const lower = related ? keyOf([...above, ...more]) : keyOf(more)
      const [from, to] = keysBelow(upper).map(bytes)
      if (!from || !to) throw new Error('a range has two ends')
      const inRange = Buffer.compare(bytes(lower), from) >= 0 && Buffer.compare(bytes(lower), to) < 0
      const isBelow = lower !== upper && (upper === '/' || lower.startsWith(`${upper}/`))
      expect(inRange).toBe(isBelow)
      expect(keysAbove(lower).includes(upper)).toBe(isBelow)
    }),
    { numRuns: 1_000 },
  )
})

test('keys above are all directories from the root to the parent, each once', () => {
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 6 }), (names) => {
      const above = keysAbove(keyOf(names))
      expect(above).toEqual(names.map((_, i) => keyOf(names.slice(0, i))))
    }),
  )
  expect(keysAbove('c:/users/me')).toEqual(['c:', 'c:/users'])
})

test('folding and composing are done once and for all', () => {
  const component = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((s) => !/[/\0]/.test(s))
  fc.assert(
    fc.property(fc.array(component, { maxLength: 4 }), (names) => {
      const path = keyOf(names)
      for (const folds of [true, false]) {
        const key = pathKey(path, { folds, separator: '/' })
        expect(pathKey(key, { folds, separator: '/' })).toBe(key)
        expect(pathKey(path.normalize('NFD'), { folds, separator: '/' })).toBe(key)
        expect(key.split('/')).toHaveLength(path.split('/').length)
      }
      const folded = (text: string) => pathKey(text, { folds: true, separator: '/' })
      for (const same of [path.toUpperCase(), path.toLowerCase()]) expect(folded(same)).toBe(folded(path))
    }),
    { numRuns: 1_000 },
  )
})

test('every letter of Unicode is folded with its other cases', () => {
  const folded = (text: string) => pathKey(text, { folds: true, separator: '/' })
  const apart: string[] = []
  for (let code = 0x21; code <= 0x1ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const letter = String.fromCodePoint(code)
    const one = folded(letter)
    for (const other of [letter.toLowerCase(), letter.toUpperCase(), letter.normalize('NFD'), one])
      if (folded(other) !== one) apart.push(`U+${code.toString(16)}: ${one} and ${folded(other)}`)
  }
  expect(apart).toEqual([])
})

test('every spelling of a path has the canonical one’s key, and the canonical one is its own', () => {
  const root = realpathSync(testDir())
  mkdirSync(join(root, 'a/b'), { recursive: true })
  writeFileSync(join(root, 'a/A'), '')
  const noise = fc.constantFrom('', '.', 'x/..', './', 'a/../', 'none/none/../..')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, noise), { maxLength: 4 }), fc.constantFrom('', '/', '/.'), (spelled, end) => {
      const plain = spelled.map(([part]) => part)
      const noisy = spelled.flatMap(([part, dots]) => [dots, part]).join('/') + end
      const canonical = canonicalPath(join(root, ...plain), '/')
      for (const [path, project] of [
        [`${root}/${noisy}`, '/elsewhere'],
        [`./${noisy}`, root],
        [`../../${noisy}`, join(root, 'a/b')],
        [canonical.filePath, root],
      ] as const)
        expect(canonicalPath(path, project), path).toEqual(canonical)
    }),
    { numRuns: 300 },
  )
})

test('a path inside a work tree is found again from it, and one outside is not inside', () => {
  fc.assert(
    fc.property(parts, parts, fc.boolean(), (root, file, related) => {
      const gitRoot = keyOf(root)
      const path = related ? join(gitRoot, ...file) : keyOf(file)
      const inside = pathInRepo(path, gitRoot)
      const isInside = path !== gitRoot && (gitRoot === '/' || path.startsWith(`${gitRoot}/`))
      expect(inside === null ? null : join(gitRoot, inside)).toBe(isInside ? path : null)
      expect(pathInRepo(path, null)).toBeNull()
    }),
    { numRuns: 1_000 },
  )
})
