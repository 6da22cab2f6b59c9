import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unifiedDiff } from '../../../src/cli/setup/diff.ts'
import { testDir } from '../../support/data-dir.ts'

test('only what differs is shown, with three lines around it and the right numbers', () => {
  const before = Array.from({ length: 30 }, (_, i) => `line ${i + 1}\n`)
  const after = [...before.slice(0, 4), 'new\n', ...before.slice(4, 20), ...before.slice(21)]
  expect(unifiedDiff('f', before.join(''), after.join(''))).toEqual([
    ...['--- f', '+++ f', '@@ -2,6 +2,7 @@', ' line 2', ' line 3', ' line 4', '+new', ' line 5', ' line 6', ' line 7'],
    ...['@@ -18,7 +19,6 @@', ' line 18', ' line 19', ' line 20', '-line 21', ' line 22', ' line 23', ' line 24'],
  ])
  expect(unifiedDiff('f', undefined, 'a')).toEqual([
    '--- /dev/null',
    '+++ f',
    '@@ -0,0 +1,1 @@',
    '+a',
    '\\ No newline at end of file',
  ])
  expect(unifiedDiff('f', 'a\n', undefined)).toEqual(['--- f', '+++ /dev/null', '@@ -1,1 +0,0 @@', '-a'])
})

test('git makes the other text of the one with it', () => {
  const dir = testDir()
  const text = fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n'), { minLength: 1, maxLength: 24 })
    .map((lines) => lines.join(''))
  fc.assert(
    fc.property(text, text, (before, after) => {
      if (before === after) return
      const file = join(dir, 'file')
      writeFileSync(file, before)
      const patch = `${unifiedDiff('file', before, after).join('\n')}\n`
      execFileSync('git', ['apply', '-p0', '-'], { input: patch, cwd: dir })
      expect(readFileSync(file, 'utf8')).toBe(after)
    }),
    { numRuns: 40 },
  )
})
