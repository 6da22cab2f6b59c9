import { expect, test } from 'vitest'
import { curve, edgesOf, layoutOf, nodesOf, waitsOf } from '../../../../src/peer/leader/dashboard/page/layout.ts'
import { message, overview, peer } from './page-samples.ts'

const ids = (n: number) => Array.from({ length: n }, (_, i) => `p${i}`)

test.each([1, 2, 5, 12, 13, 40, 41, 200])(
  '%i peers stand in the picture, apart from each other, always at the same place',
  (n) => {
    for (const narrow of [false, true]) {
      const { spots, width, height, radius } = layoutOf(ids(n), narrow)
      const all = [...spots.values()]
      expect(all).toHaveLength(n)
      const outside = all.filter(({ x, y }) => Math.min(x, width - x) < radius || Math.min(y, height - y) < radius)
      expect(outside).toEqual([])
      const touching = all.filter((a, i) => all.slice(i + 1).some((b) => Math.hypot(a.x - b.x, a.y - b.y) <= radius * 2))
      expect(touching).toEqual([])
      expect(layoutOf(ids(n), narrow)).toEqual(layoutOf(ids(n), narrow))
    }
  },
)

test('nobody there is no picture, not an error', () => {
  expect(layoutOf([]).spots.size).toBe(0)
})

test('mail in both directions is one edge, with how much of it is unread', () => {
  const [a, b] = [
    { id: 'a', name: 'a', agentType: 'x' },
    { id: 'b', name: 'b', agentType: 'x' },
  ]
  const edges = edgesOf([
    message(1, { from: a, to: b, state: 'seen' }),
    message(2, { from: b, to: a, state: 'queued' }),
    message(3, { from: a, to: a }),
  ])
  expect(edges).toEqual([{ a: 'a', b: 'b', count: 2, unread: 1 }])
})

test('whoever is away stands in the graph only while mail or a lock ties them to it', () => {
  const peers = [peer('b'), peer('a'), peer('gone', { status: 'away' }), peer('dashboard', { kind: 'known', status: 'away' })]
  const names = (nodes: readonly { name: string }[]) => nodes.map(({ name }) => name)
  expect(names(nodesOf(overview({ peers }), []))).toEqual(['a', 'b'])
  expect(names(nodesOf(overview({ peers }), [{ a: 'a', b: 'dashboard', count: 1, unread: 0 }]))).toEqual(['a', 'b', 'dashboard'])
})

test('each waiter waits for the holder', () => {
  const at = '2026-01-01T00:00:00Z'
  const lock = {
    filePath: '/a.ts',
    holder: { id: 'h', name: 'H' },
    lockedAt: at,
    expiresAt: at,
    reason: '',
    token: 1,
    waiters: [
      { id: 'w', name: 'W', until: at },
      { id: 'v', name: 'V', until: at },
    ],
  }
  expect(waitsOf(overview({ locks: [lock] })).map(({ waiter, holder }) => [waiter, holder])).toEqual([
    ['w', 'h'],
    ['v', 'h'],
  ])
})

test('a line ends at the rims of its nodes, and has numbers even where they coincide', () => {
  const spot = (x: number, y: number) => ({ id: '', x, y, anchor: 'middle' as const, labelX: 0, labelY: 0 })
  expect(curve(spot(0, 0), spot(100, 0), 7, 0).path).toBe('M10 0Q50 0 90 0')
  expect(curve(spot(5, 5), spot(5, 5), 7, 10).path).not.toContain('NaN')
})
