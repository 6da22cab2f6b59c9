import type { Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/** A change that is made and undone: nothing is stored, and nobody is rung. */

class Undone<T> extends Error {
  constructor(readonly value: T) {
    super('undone')
  }
}

/** What the change comes to; with `isReal` it happens. */
export async function tried<T>(database: Storage, isReal: boolean, change: (tx: Transaction) => T): Promise<T> {
  try {
    return await database.write((tx) => {
      const value = change(tx)
      if (isReal) return value
      throw new Undone(value)
    })
  } catch (error) {
    // Thrown by the very change above, with its value.
    if (error instanceof Undone) return error.value as T
    throw error
  }
}
