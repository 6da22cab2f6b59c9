import { expect, test } from 'vitest'
import { monotonicMs } from '../../src/core/clock.ts'
import type { Sql } from '../../src/core/sql.ts'
import { WriteTurns } from '../../src/core/sqlite/write-turn.ts'

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

/** Its last ten turns were waited for so long. */
function usedTo(ms: number) {
  const turns = new WriteTurns()
  for (let turn = 0; turn < 10; turn++) expect(turns.take(lock().sql, ago(ms))).toBe(true)
  return turns
}

test('whoever seldom waits tries again within the millisecond', () => {
  const { sql, attempts } = lock(3)
  expect(new WriteTurns().take(sql)).toBe(true)
  expect(attempts()).toBe(4)
})

test('a free lock is taken at once, whatever the wait has been', () => {
  expect(usedTo(40).take(lock().sql)).toBe(true)
})

test('where a turn usually takes long, the others are left alone for most of it', () => {
  const turns = usedTo(30)
  const { sql, attempts } = lock(1)
  expect(turns.take(sql)).toBe(false)
  expect(attempts()).toBe(1)
  expect(turns.pauseMs(ago(0))).toBeGreaterThan(10)
  expect(turns.pauseMs(ago(0))).toBeLessThan(30)
})

test('and then it is tried for, the harder the longer it takes', () => {
  const triesAfter = (ms: number) => {
    const { sql, attempts } = lock(1_000)
    expect(usedTo(30).take(sql, ago(ms))).toBe(false)
    return attempts()
  }
  expect(usedTo(30).pauseMs(ago(30))).toBe(1)
  expect(triesAfter(40)).toBeGreaterThan(8)
  expect(triesAfter(400)).toBeGreaterThan(triesAfter(40))
})

test('a writer that was slow once is not waited for again', () => {
  const turns = new WriteTurns()
  turns.take(lock().sql, ago(4_000))
  expect(turns.pauseMs(ago(0))).toBeLessThan(10)
  for (let turn = 0; turn < 10; turn++) turns.take(lock().sql, ago(0))
  expect(turns.pauseMs(ago(0))).toBeLessThan(2)
  const slow = usedTo(4_000)
  expect(slow.pauseMs(ago(0))).toBeLessThan(50)
})
