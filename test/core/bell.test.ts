import { expect, test } from 'vitest'
import { Bell, waitFor } from '../../src/core/bell.ts'
import { FakeClock } from '../support/bare-store.ts'

const never = new AbortController().signal
const LONG = 60_000

test('a ring between looking and waiting is not lost', async () => {
  const bell = new Bell()
  const heard = bell.count
  bell.ring()
  await bell.wait(heard, LONG, never)
})

test('one ring wakes everybody who waits', async () => {
  const bell = new Bell()
  const waits = Array.from({ length: 20 }, () => bell.wait(bell.count, LONG, never))
  bell.ring()
  await Promise.all(waits)
})

test('a wait ends with its time and with its signal, and never fails', async () => {
  const bell = new Bell()
  await bell.wait(bell.count, 1, never)
  await bell.wait(bell.count, -1, never)
  await bell.wait(bell.count, LONG, AbortSignal.abort())
  const abort = new AbortController()
  const waiting = bell.wait(bell.count, LONG, abort.signal)
  abort.abort()
  await waiting
})

test('what is found is the answer, though it comes while the last look is under way', async () => {
  const bell = new Bell()
  const clock = new FakeClock()
  let there = false
  let looks = 0
  const found = waitFor(bell, clock, LONG, never, async () => {
    const seen = there
    if (++looks === 1) {
      // It comes after this look has looked, and before it says that there is nothing.
      there = true
      bell.ring()
      await null
    }
    return seen ? { found: 'it' } : { again: LONG }
  })
  expect(await found).toBe('it')
  expect(looks).toBe(2)
})

test('a wait of no time looks exactly once, and one whose time is over not again', async () => {
  const bell = new Bell()
  const clock = new FakeClock()
  let looks = 0
  const look = async () => {
    looks++
    clock.pass(1_000)
    bell.ring()
    return { again: 1 }
  }
  expect(await waitFor(bell, clock, 0, never, look)).toBeUndefined()
  expect(looks).toBe(1)
  expect(await waitFor(bell, clock, 3_000, never, look)).toBeUndefined()
  expect(looks).toBe(4)
  expect(await waitFor(bell, clock, LONG, AbortSignal.abort(), look)).toBeUndefined()
  expect(looks).toBe(5)
})

test('a look that fails ends the wait with its failure', async () => {
  await expect(waitFor(new Bell(), new FakeClock(), LONG, never, () => Promise.reject(new Error('x')))).rejects.toThrow('x')
})
