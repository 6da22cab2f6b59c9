import { expect, test } from 'vitest'
import { remembered, systemClock } from '../../src/core/clock.ts'

test('what is remembered is read again once it is too old, and not before', () => {
  let now = 100
  let reads = 0
  const clock = remembered(
    () => ++reads,
    5,
    () => now,
  )
  expect([clock(), clock()]).toEqual([1, 1])
  now = 104.9
  expect(clock()).toBe(1)
  now = 105
  expect([clock(), clock()]).toEqual([2, 2])
})

test('the boot clock goes on, in step with a clock that never jumps', () => {
  const [from, startedAt] = [systemClock.uptime(), performance.now()]
  while (performance.now() - startedAt < 40);
  const passed = systemClock.uptime() - from
  // Its steps are 10 ms, and it is remembered for 5.
  expect(passed).toBeGreaterThanOrEqual(20)
  expect(passed).toBeLessThanOrEqual(performance.now() - startedAt + 20)
})
