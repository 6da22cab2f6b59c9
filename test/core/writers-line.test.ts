import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WritersLine } from '../../src/core/sqlite/writers-line.ts'
import { testDir } from '../support/data-dir.ts'

const path = () => join(testDir(), 'mesh.db-line')

/** A clock that stands still until a test moves it. */
let now = 1_000_000
const line = (file: string, number: number) => new WritersLine(file, number, () => now)

test('ahead of a process are those that have waited for longer, whatever the order in which they came to the file', () => {
  // Each began to wait so long ago, and comes to the file after a pause.
  const waiter = fc.record({ ago: fc.integer({ min: 1, max: 900 }), pause: fc.nat(10) })
  const anyWaiters = fc.uniqueArray(waiter, { minLength: 1, maxLength: 20, selector: ({ ago }) => ago })
  fc.assert(
    fc.property(anyWaiters, (waiters) => {
      const file = path()
      const began = waiters.map(({ ago }) => now - ago)
      const lines = waiters.map((_, number) => line(file, number))
      for (const [i, { pause }] of waiters.entries()) {
        now += pause
        lines[i]?.enter(now - (began[i] ?? 0))
      }
      const seen = lines.map((one, i) => one.ahead(now - (began[i] ?? 0)))
      for (const one of lines) one.close()
      expect(seen).toEqual(began.map((since) => began.filter((other) => other < since).length))
    }),
    { numRuns: 20 },
  )
})

test('who has left, or has ended, stands there no more', () => {
  const file = path()
  const [mine, left, ended] = [1, 2, 3].map((number) => line(file, number)) as [WritersLine, WritersLine, WritersLine]
  left.enter(100)
  ended.enter(200)
  expect(mine.ahead(0)).toBe(2)
  left.leave()
  expect(mine.ahead(0)).toBe(1)
  ended.close()
  expect(mine.ahead(0)).toBe(0)
})

test('a place is taken once, and kept', () => {
  const file = path()
  const mine = line(file, 1)
  const other = line(file, 2)
  other.enter(50)
  other.enter(0)
  expect(mine.ahead(20)).toBe(1)
  other.leave()
  other.enter(0)
  expect(mine.ahead(20)).toBe(0)
})

test('one that was killed while it waited is forgotten', () => {
  const file = path()
  line(file, 2).enter(1_900) // and never leaves
  line(file, 3).enter(5_000)
  expect(line(file, 1).ahead(0)).toBe(1)
})

test('where the file was deleted, who opens it again meets the others there', () => {
  const file = path()
  const mine = line(file, 1)
  expect(mine.ahead(0)).toBe(0)
  rmSync(file)
  line(file, 2).enter(100)
  expect(mine.ahead(0)).toBe(0)
  mine.close()
  expect(mine.ahead(0)).toBe(1)
})

test('where the file cannot be had, or holds nonsense, a process waits for nobody', () => {
  const folder = path()
  mkdirSync(folder)
  const mine = line(folder, 1)
  mine.enter(100)
  expect(mine.isIn).toBe(true)
  expect(mine.ahead(0)).toBe(0)
  mine.close()

  const nonsense = path()
  writeFileSync(nonsense, Buffer.alloc(4_096, 0xff))
  expect(line(nonsense, 1).ahead(0)).toBe(0)
  writeFileSync(nonsense, 'short')
  expect(line(nonsense, 1).ahead(0)).toBe(0)
})
