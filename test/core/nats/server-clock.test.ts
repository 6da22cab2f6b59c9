import { expect, test } from 'vitest'
import { aheadOf, createServerClock } from '../../../src/core/nats/server-clock.ts'

test('half of the way there and back is not the difference of the clocks', () => {
  expect(aheadOf(1_000, 1_200, new Date(5_100).toISOString())).toBe(4_000)
  expect(aheadOf(90_000, 90_000, '1970-01-01T00:00:30.000999999Z')).toBe(-60_000)
})

test('without an answer it is the time of this machine; with one the server’s, from then on', async () => {
  let local = 1_000_000
  const times = [new Date(400_000).toISOString(), undefined, new Date(2_000_000).toISOString()]
  let log: { serverTime: () => Promise<string | undefined> } | undefined
  const clock = createServerClock(
    () => local,
    () => log,
  )
  await clock.learn()
  expect(clock.now()).toBe(1_000_000)
  log = { serverTime: async () => times.shift() }
  await clock.learn()
  expect(clock.now()).toBe(400_000)
  await clock.learn() // a server that does not say: what was known holds
  local += 5_000
  expect(clock.now()).toBe(405_000)
  await clock.learn()
  expect(clock.now()).toBe(2_000_000)
})
