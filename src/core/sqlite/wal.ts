import { statSync } from 'node:fs'
import type { Sql } from '../sql.ts'

/** How the write-ahead log stays small: it is copied into the file, and begun anew, also while many write without a pause. */

/** How long a restart may wait for a moment without a writer, and then for readers of what it replaces. */
const RESTART_WAIT_MS = 20
/**
 * While many write without a pause, somebody always writes behind the checkpoint that would let the log begin anew, and it
 * grows: then whoever has just written waits for a moment without a writer.
 */
const BEGIN_ANEW_BYTES = 6 * 1024 * 1024
/**
 * Between two looks, a writer adds at most as many batches. Nearly every attempt is turned away at once, as another process is
 * copying; so there have to be many, and then sixteen writers keep the log below some 20 MiB.
 */
const LOOK_EVERY = 2

export type Wal = ReturnType<typeof createWal>

export function createWal(path: string, read: <T>(query: (sql: Sql) => T) => T) {
  let commits = 0

  const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0

  return {
    /** Copies the log into the file; `restart` also lets the next writer begin it anew. False if others were in the way. */
    checkpoint(mode: 'passive' | 'restart'): boolean {
      // A restart must get the write lock once, and keep it while it copies what was written last: there SQLite may wait.
      if (mode === 'restart') read((sql) => sql.get(`PRAGMA busy_timeout = ${RESTART_WAIT_MS}`))
      try {
        const row = read((sql) => sql.get<{ busy: number }>(`PRAGMA wal_checkpoint(${mode})`))
        return row?.busy === 0
      } finally {
        if (mode === 'restart') read((sql) => sql.get('PRAGMA busy_timeout = 0'))
      }
    },

    sizes: () => ({ sizeBytes: sizeOf(path), walSizeBytes: sizeOf(`${path}-wal`) }),

    /** Told of each commit: whether it is time for a restart. */
    isLong(): boolean {
      commits++
      return commits % LOOK_EVERY === 0 && sizeOf(`${path}-wal`) > BEGIN_ANEW_BYTES
    },
  }
}
