import { statSync } from 'node:fs'
import type { Sql } from '../sql.ts'

/** How the write-ahead log stays small: it is copied into the file, and begun anew, also while many write without a pause. */

/** How long a restart may wait for a moment without a writer, and then for readers of what it replaces. */
const RESTART_WAIT_MS = 20
/**
 * So many pages (of 1 KiB) are copied at once. A copy waits for the disk, and so does the first commit after it, which begins the
 * log anew: the fewer of them, the better.
 */
const COPY_PAGES = 5_000
/**
 * While many write without a pause, somebody always writes behind the checkpoint that would let the log begin anew, and it
 * grows: then whoever has just written waits for a moment without a writer.
 */
const BEGIN_ANEW_PAGES = 10_000
/**
 * Between two looks, a writer adds at most as many batches. Nearly every attempt is turned away at once, as another process is
 * copying; so there have to be many, and then sixteen writers keep the log below some 20 MiB.
 */
const LOOK_EVERY = 2

export type Wal = ReturnType<typeof createWal>

export function createWal(path: string, read: <T>(query: (sql: Sql) => T) => T) {
  let commits = 0

  const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  /** `log`: its pages; `checkpointed`: those of them that are in the file already. */
  const ask = (mode: 'noop' | 'passive' | 'restart') =>
    read((sql) => sql.get<{ busy: number; log: number; checkpointed: number }>(`PRAGMA wal_checkpoint(${mode})`))

  /** Copies the log into the file; `restart` also lets the next writer begin it anew. False if others were in the way. */
  function checkpoint(mode: 'passive' | 'restart'): boolean {
    // A restart must get the write lock once, and keep it while it copies what was written last: there SQLite may wait.
    if (mode === 'restart') read((sql) => sql.get(`PRAGMA busy_timeout = ${RESTART_WAIT_MS}`))
    try {
      return ask(mode)?.busy === 0
    } finally {
      if (mode === 'restart') read((sql) => sql.get('PRAGMA busy_timeout = 0'))
    }
  }

  return {
    checkpoint,

    sizes: () => ({ sizeBytes: sizeOf(path), walSizeBytes: sizeOf(`${path}-wal`) }),

    /** After each commit, once those who wait for it have been answered: SQLite itself would copy before, in the commit. */
    keepSmall(): void {
      if (++commits % LOOK_EVERY !== 0) return
      const { log = 0, checkpointed = 0 } = ask('noop') ?? {}
      if (log >= BEGIN_ANEW_PAGES) checkpoint('restart')
      else if (log - checkpointed >= COPY_PAGES) checkpoint('passive')
    },
  }
}
