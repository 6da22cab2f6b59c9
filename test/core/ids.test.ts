import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { newId, newName } from '../../src/core/ids.ts'

test('ids sort by the time at which they were made, for centuries to come', () => {
  const times = [0, 1, 31, 32, 1_023, Date.UTC(2026, 0), Date.UTC(2026, 0) + 1, Date.UTC(2100, 0), Date.UTC(2900, 0)]
  const ids = times.map((time) => newId('m', time))
  expect([...ids].sort()).toEqual(ids)
  for (const id of ids) expect(id).toMatch(/^m_[0-9a-hjkmnp-tv-z]{19}$/)
})

test('ids of one moment differ', () => {
  expect(new Set(Array.from({ length: 50_000 }, () => newId('p', 0))).size).toBe(50_000)
})

test('ids and names are made of the randomness that they are given, all of it', () => {
  expect(newId('e', 0, (size) => new Uint8Array(size))).toBe('e_0000000000000000000')
  expect(newId('e', 0, (size) => new Uint8Array(size).fill(255))).toBe('e_000000000zzzzzzzzzz')
  expect(newName(() => new Uint8Array(4))).toBe('amber-badger')
  const names = new Set(Array.from({ length: 20_000 }, () => newName(randomBytes)))
  expect(names.size).toBeGreaterThan(3_000)
  for (const name of names) expect(name).toMatch(/^[a-z]+-[a-z]+$/)
})
