import { rmSync, statSync } from 'node:fs'
import { monotonicMs } from '../clock.ts'
import { sleep } from '../scope.ts'
import { SUFFIXES } from './aside.ts'
import { Connection } from './connection.ts'

/**
 * When the database under running processes is deleted or replaced, each of them moves to what stands at the path.
 *
 * The danger is the WAL and the index, which go by name: SQLite would apply the WAL of the old file to the new one, and
 * processes that kept the old index would exclude nobody. So whoever moves first removes them, if and only if they are
 * the very files that it has open with the old database (as long as it has, no other file can have their inodes). One
 * process moves at a time: SQLite's own lock on a file of its own says so, which the kernel frees when its holder dies.
 */

type Suffix = (typeof SUFFIXES)[number]

/** Which files stand at the database's three paths. */
export type Footing = Readonly<Record<Suffix, string>>

export const footingOf = (path: string): Footing => ({
  '': identityOf(path),
  '-wal': identityOf(`${path}-wal`),
  '-shm': identityOf(`${path}-shm`),
})

export const isSameFooting = (a: Footing, b: Footing) => SUFFIXES.every((suffix) => a[suffix] === b[suffix])

/** Removes the WAL and the index at the path where they are those of the old database. */
export function removeStale(path: string, old: Footing): void {
  for (const suffix of ['-wal', '-shm'] as const)
    if (old[suffix] !== MISSING && identityOf(path + suffix) === old[suffix]) rmSync(path + suffix, { force: true })
}

const MISSING = 'missing'

/** Which file stands there. */
export function identityOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat ? `${stat.dev}:${stat.ino}` : MISSING
}

const DEADLINE_MS = 5_000

/** Runs `move` while no other process moves. The lock's file stays: removing it would let two in. */
export async function movingAlone<T>(path: string, move: () => Promise<T>): Promise<T> {
  const lock = new Connection(`${path}.moving`)
  try {
    const deadline = monotonicMs() + DEADLINE_MS
    for (;;) {
      try {
        lock.script('BEGIN IMMEDIATE')
        break
      } catch (error) {
        if (monotonicMs() > deadline) throw error
        await sleep(2 + Math.random() * 10, undefined, true)
      }
    }
    return await move()
  } finally {
    lock.close()
  }
}
