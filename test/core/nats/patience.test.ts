import { expect, test } from 'vitest'
import { patienceEnds } from '../../../src/core/nats/writer.ts'

const NOW = 1_700_000_000_000

test.each<[string, endsAt: number, since: number, awayFor: number | null, unlinkedSince: number | null]>([
  ['all is well', 16_000, 1_000, null, null],
  ['servers elect a leader', 16_000, 1_000, 9_000, null],
  ['there was no connection when it came', 6_000, 1_000, 3_000, 500],
  ['the connection was lost while it waited for a leader', 13_000, 1_000, 7_000, 8_000],
  ['the connection was lost when it had waited for long', 16_000, 1_000, 13_000, 13_500],
  ['nothing has been reached for a while, and everybody knows', 2_000, 1_000, 20_001, null],
  ['nothing has been reached for a while, without a connection', 2_000, 1_000, 20_001, 500],
])('a write is given up in time: %s', (_, endsAt, since, awayFor, unlinkedSince) => {
  const awaySince = awayFor === null ? null : NOW - awayFor
  expect(patienceEnds(since, { awaySince, unlinkedSince }, NOW)).toBe(endsAt)
})
