import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WritersLine } from '../../src/core/sqlite/writers-line.ts'
import { testDir } from '../support/data-dir.ts'

const path = () => join(testDir(), 'mesh.db-line')

test('ahead of a process are those that have waited for longer, whatever the order in which they came to the file', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 20 }), (tens) => {
      const file = path()
      const waits = tens.map((ten) => ten * 10)
      const lines = waits.map((_, number) => new WritersLine(file, number))
      for (const [number, line] of lines.entries()) line.enter(waits[number] ?? 0)
      const seen = lines.map((line, number) => line.ahead(waits[number] ?? 0))
      for (const line of lines) line.close()
      expect(seen).toEqual(waits.map((wait) => waits.filter((other) => other > wait).length))
    }),
    { numRuns: 20 },
  )
})

test('who has left, or has ended, stands there no more', () => {
  const file = path()
  const [mine, left, ended] = [1, 2, 3].map((number) => new WritersLine(file, number)) as [WritersLine, WritersLine, WritersLine]
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
  const mine = new WritersLine(file, 1)
  const other = new WritersLine(file, 2)
  other.enter(50)
  other.enter(0)
  expect(mine.ahead(20)).toBe(1)
  other.leave()
  other.enter(0)
  expect(mine.ahead(20)).toBe(0)
})

test('one that was killed while it waited is forgotten', () => {
  const file = path()
  new WritersLine(file, 2).enter(1_900) // and never leaves
  new WritersLine(file, 3).enter(5_000)
  expect(new WritersLine(file, 1).ahead(0)).toBe(1)
})

test('where the file was deleted, who opens it again meets the others there', () => {
  const file = path()
  const mine = new WritersLine(file, 1)
  expect(mine.ahead(0)).toBe(0)
  rmSync(file)
  new WritersLine(file, 2).enter(100)
  expect(mine.ahead(0)).toBe(0)
  mine.close()
  expect(mine.ahead(0)).toBe(1)
})

test('where the file cannot be had, or holds nonsense, a process waits for nobody', () => {
  const folder = path()
  mkdirSync(folder)
  const line = new WritersLine(folder, 1)
  line.enter(100)
  expect(line.isIn).toBe(true)
  expect(line.ahead(0)).toBe(0)
  line.close()

  const nonsense = path()
  writeFileSync(nonsense, Buffer.alloc(4_096, 0xff))
  expect(new WritersLine(nonsense, 1).ahead(0)).toBe(0)
  writeFileSync(nonsense, 'short')
  expect(new WritersLine(nonsense, 1).ahead(0)).toBe(0)
})
