import { expect, test } from 'vitest'
import { backoffMs } from '../../../../src/peer/leader/dashboard/page/backoff.ts'
import { keyIn, takeKey } from '../../../../src/peer/leader/dashboard/page/key.ts'

const KEY = `${'Ab-_'.repeat(10)}xyz`

function surroundings(hash: string, stored: string | null = null) {
  const seen = { address: undefined as string | undefined, stored }
  return {
    seen,
    around: {
      location: { hash, pathname: '/' },
      history: { replaceState: (_: unknown, __: string, url: string) => void (seen.address = url) },
      storage: { getItem: () => seen.stored, setItem: (_: string, value: string) => void (seen.stored = value) },
    },
  }
}

test('a key is taken out of the address and kept', () => {
  const { around, seen } = surroundings(`#key=${KEY}`)
  expect(takeKey(around)).toBe(KEY)
  expect(seen).toEqual({ address: '/', stored: KEY })
})

test('a new key goes before the one that is kept, and a kept one serves where none is brought', () => {
  expect(takeKey(surroundings(`#key=${KEY}`, 'old').around)).toBe(KEY)
  const { around, seen } = surroundings('', KEY)
  expect(takeKey(around)).toBe(KEY)
  expect(seen.address).toBeUndefined()
})

test('what has not the form of a key is none, and does not stay in the address either', () => {
  for (const hash of ['', '#', '#key=', '#key=short', `#key=${KEY}x`, `#key=${KEY.slice(1)}"`])
    expect(keyIn(hash)).toBeUndefined()
  const { around, seen } = surroundings('#key=short')
  expect(takeKey(around)).toBeUndefined()
  expect(seen).toEqual({ address: '/', stored: null })
})

test('attempts come from 100 ms apart to 2 s', () => {
  expect([0, 1, 2, 3, 4, 5, 6, 50].map(backoffMs)).toEqual([100, 100, 200, 400, 800, 1600, 2000, 2000])
})
