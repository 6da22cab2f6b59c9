import fc from 'fast-check'
import { expect, test } from 'vitest'
import { grouped } from '../../src/core/words.ts'

test('whole numbers are grouped by thousands, as English has them', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (n) => {
      expect(grouped(n)).toBe(n.toLocaleString('en-US'))
    }),
  )
})
