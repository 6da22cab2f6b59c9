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

test('of a clock that counts in steps of ten, one that is carried on is never ahead of the time, and never goes back', () => {
  // Between two calls so much time passes; and while the system is asked, before it reads its clock and after: at times none.
  const step = (most: number) => fc.record({ pause: fc.nat(12), before: fc.nat(most), after: fc.nat(most) })
  const anySteps = fc.constantFrom(0, 8).chain((most) => fc.array(step(most), { maxLength: 60 }))
  fc.assert(
    fc.property(anySteps, (steps) => {
      let now = 0
      let last = 0
      let late = 0
      let asking = { before: 0, after: 0 }
      const clock = carriedOn(
        () => {
          now += asking.before
          const told = Math.floor(now / 10) * 10
          now += late = asking.after
          return told
        },
        5,
        () => now,
      )
      for (const { pause, before, after } of steps) {
        now += pause
        asking = { before, after }
        const shown = clock()
        expect(shown).toBeGreaterThanOrEqual(last)
        expect(shown).toBeLessThanOrEqual(now)
        // At most a step behind, and what the answer was late by.
        expect(shown).toBeGreaterThan(now - 10 - late)
        last = shown
      }
    }),
  )
})

test('the boot clock goes on, in step with a clock that never jumps', () => {
  const before = performance.now()
  const from = systemClock.uptime()
  const after = performance.now()
  while (performance.now() - after < 40);
  const passed = systemClock.uptime() - from
  // Its steps are 10 ms.
  expect(passed).toBeGreaterThanOrEqual(29)
  expect(passed).toBeLessThanOrEqual(performance.now() - before + 20)
})
