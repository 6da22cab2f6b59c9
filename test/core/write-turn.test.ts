import { join } from 'node:path'
import { expect, test } from 'vitest'
import { monotonicMs } from '../../src/core/clock.ts'
import type { Sql } from '../../src/core/sql.ts'
import { WriteTurns } from '../../src/core/sqlite/write-turn.ts'
import { WritersLine } from '../../src/core/sqlite/writers-line.ts'
import { testDir } from '../support/data-dir.ts'

/** A write lock that others hold for so many attempts. */
function lock(heldFor = 0) {
  let attempts = 0
  const sql = {
    run() {
      if (++attempts <= heldFor) throw Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' })
      return { changes: 0, rowid: 0 }
    },
  } as unknown as Sql // of which a turn needs no more
  return { sql, attempts: () => attempts }
}
const ago = (ms: number) => monotonicMs() - ms
const HELD = 1_000

/** Our turns, at a lock at which we have been turned away lately, with others that have waited for so long. */
function crowd(...waits: number[]) {
  const path = join(testDir(), 'mesh.db')
  const turns = new WriteTurns(path)
  expect(turns.take(lock(HELD).sql)).toBe(false)
  turns.giveUp()
  const others = waits.map((ms, i) => {
    const other = new WritersLine(`${path}-line`, process.pid + i + 1)
    other.enter(ms)
    return other
  })
  return { path, turns, others }
}

test('whoever meets nobody else tries again within the millisecond', () => {
  const { sql, attempts } = lock(3)
  expect(new WriteTurns(join(testDir(), 'mesh.db')).take(sql)).toBe(true)
  expect(attempts()).toBe(4)
})

test('the first in the line tries without pause, for some milliseconds', () => {
  const { turns } = crowd(100, 100)
  const since = ago(500)
  const { sql, attempts } = lock(HELD)
  expect(turns.take(sql, since)).toBe(false)
  expect(attempts()).toBeGreaterThan(10)
  expect(attempts()).toBeLessThan(50)
  expect(turns.pauseMs(since)).toBe(1)
})

test('whoever is further back tries once, and lets the others go first for a while', () => {
  const { turns } = crowd(1_000, 800, 600, 400)
  const since = ago(500)
  const { sql, attempts } = lock(HELD)
  expect(turns.take(sql, since)).toBe(false) // has come to the line
  expect(turns.take(sql, since)).toBe(false)
  expect(attempts()).toBe(1)
  expect(turns.pauseMs(since)).toBe(3)
})

test('who has just come does not go before those that wait, though the lock is free, and takes its turn after them', () => {
  const { turns, others } = crowd(30, 20, 10)
  const since = monotonicMs()
  const { sql, attempts } = lock()
  expect(turns.take(sql, since)).toBe(false)
  expect(attempts()).toBe(0)
  for (const other of others) other.leave()
  expect(turns.take(sql, since)).toBe(true)
})

test('who has one attempt left makes it, whoever waits', () => {
  const { turns } = crowd(30, 20, 10)
  const { sql } = lock(3)
  expect(turns.take(sql)).toBe(false)
  turns.forgetCrowd()
  expect(turns.take(sql)).toBe(true)
})

test('who waits is seen by the others, and no more once it has had its turn, or has given up', () => {
  const { path, turns } = crowd()
  const other = new WritersLine(`${path}-line`, process.pid + 1)
  expect(turns.take(lock(HELD).sql, ago(10))).toBe(false)
  expect(other.ahead(0)).toBe(1)
  expect(turns.take(lock().sql, ago(10))).toBe(true)
  expect(other.ahead(0)).toBe(0)
  expect(turns.take(lock(HELD).sql, ago(10))).toBe(false)
  turns.giveUp()
  expect(other.ahead(0)).toBe(0)
})

test('those ahead may all be stopped or killed: the lock is tried for nonetheless, soon', () => {
  const { turns } = crowd(...Array.from({ length: 200 }, () => 1_000))
  const since = monotonicMs()
  const { sql } = lock()
  expect(turns.take(sql, since)).toBe(false)
  expect(turns.pauseMs(since)).toBeLessThanOrEqual(20)
  expect(turns.take(sql, since)).toBe(true)
})

test('what fails for another reason than a writer is thrown, and nobody waits for it', () => {
  const { path, turns } = crowd()
  expect(turns.take(lock(HELD).sql, ago(10))).toBe(false)
  const full = {
    run() {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    },
  } as unknown as Sql // likewise
  expect(() => turns.take(full, ago(10))).toThrow('full')
  expect(new WritersLine(`${path}-line`, process.pid + 1).ahead(0)).toBe(0)
})
