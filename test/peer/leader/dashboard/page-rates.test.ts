import { expect, test } from 'vitest'
import {
  bucketsBetween,
  latenciesOf,
  lineOf,
  MAX_SAMPLES,
  percentileMs,
  ratesOf,
  type Sample,
  withSample,
} from '../../../../src/peer/leader/dashboard/page/rates.ts'

const buckets = (...counts: number[]) => counts.map((count, i) => ({ leMs: [5, 10, 100, 9_007_199_254_740_991][i] ?? 0, count }))
const sample = (atMs: number, sent: number, counts: number[] = []): Sample => ({
  atMs,
  sent,
  emitted: 0,
  unread: 0,
  sizeBytes: 0,
  walSizeBytes: 0,
  buckets: buckets(...counts),
})

test('a percentile is the bucket in which its share is reached', () => {
  expect(percentileMs(buckets(50, 45, 5, 0), 0.5)).toBe(5)
  expect(percentileMs(buckets(50, 45, 5, 0), 0.95)).toBe(10)
  expect(percentileMs(buckets(50, 44, 6, 0), 0.95)).toBe(100)
  expect(percentileMs(buckets(0, 0, 0), 0.5)).toBeUndefined()
  expect(percentileMs([], 0.5)).toBeUndefined()
})

test('latency over time counts what was delivered between, and stays while nothing is', () => {
  expect(bucketsBetween(buckets(3, 1), buckets(3, 1))).toBeUndefined()
  expect(
    latenciesOf([sample(0, 0, [10, 0, 0]), sample(1, 0, [10, 0, 4]), sample(2, 0, [10, 0, 4]), sample(3, 0, [30, 0, 4])], 0.5),
  ).toEqual([100, 100, 5])
})

test('what took longer than any bucket has an end in the chart', () => {
  expect(latenciesOf([sample(0, 0, [0, 0, 0, 0]), sample(1, 0, [0, 0, 0, 1])], 0.5)).toEqual([600_000])
})

test('rates are per second, and a database made anew is not a negative rate', () => {
  expect(ratesOf([sample(0, 0), sample(5000, 10), sample(10_000, 4)], ({ sent }) => sent)).toEqual([2, 0])
  expect(ratesOf([sample(0, 0)], ({ sent }) => sent)).toEqual([])
})

test('samples are kept apart, and the oldest are let go', () => {
  const one = withSample([], sample(0, 0))
  expect(withSample(one, sample(1000, 5))).toBe(one)
  expect(withSample(one, sample(5000, 5))).toHaveLength(2)
  let many = one
  for (let i = 1; i < MAX_SAMPLES * 2; i++) many = withSample(many, sample(i * 5000, i))
  expect(many).toHaveLength(MAX_SAMPLES)
})

test('a line fills its box, and is flat where there is nothing', () => {
  expect(lineOf([0, 5, 10], 100, 40)).toBe('0.0,40.0 50.0,20.0 100.0,0.0')
  expect(lineOf([0, 0], 100, 40)).toBe('0.0,40.0 100.0,40.0')
  expect(lineOf([], 100, 40)).toBe('')
})
