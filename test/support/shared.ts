import { afterAll, beforeAll, beforeEach } from 'vitest'
import { showNoMore, showOnFailure } from './on-failure.ts'

/**
 * What all tests of a file, or of a `describe`, use together: started before the first of them, ended after the last.
 * For tests that need no world of their own: each has its own paths, keys and names, and gives back what it took.
 */
export function shared<T extends AsyncDisposable>(start: () => Promise<T>): () => T {
  let found: T | undefined
  beforeAll(async () => {
    found = await start()
  })
  beforeEach(showOnFailure)
  afterAll(async () => {
    await found?.[Symbol.asyncDispose]()
    showNoMore()
  })
  return () => {
    if (!found) throw new Error('asked for before the tests began')
    return found
  }
}
