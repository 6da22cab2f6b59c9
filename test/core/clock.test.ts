import fc from 'fast-check'
import { expect, test } from 'vitest'
import { carriedOn, systemClock } from '../../src/core/clock.ts'

test('the system is asked only so often; between, what has passed is added', () => {
  let now = 100
  let reads = 0
  const clock = carriedOn(
    () => 1_000 * ++reads,
    5,
    () => now,
  )
  expect([clock(), clock()]).toEqual([1_000, 1_000])
  now = 104.9
  expect(clock()).toBe(1_004)
  now = 105
  expect([clock(), clock()]).toEqual([2_000, 2_000])
})

test('of a clock that counts in steps of ten, one that is carried on is never further behind than a step, and never goes back', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 60 }), (pauses) => {
      let now = 0
      let before = 0
      const clock = carriedOn(
        () => Math.floor(now / 10) * 10,
        5,
        () => now,
      )
      for (const pause of pauses) {
        now += pause
        const shown = clock()
        expect(shown).toBeGreaterThanOrEqual(before)
        expect(shown).toBeLessThanOrEqual(now)
        expect(shown).toBeGreaterThan(now - 10)
        before = shown
      }
    }),
  )
})

test('the boot clock goes on, in step with a clock that never jumps', () => {
  const [from, startedAt] = [systemClock.uptime(), performance.now()]
  while (performance.now() - startedAt < 40);
  const passed = systemClock.uptime() - from
  // Its steps are 10 ms.
  expect(passed).toBeGreaterThanOrEqual(29)
  expect(passed).toBeLessThanOrEqual(performance.now() - startedAt + 20)
})
