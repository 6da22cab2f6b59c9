import { closeSync, fstatSync, openSync, readdirSync, statSync, truncateSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { inFile } from './mesh-file.ts'

/** Spoils a mesh's files as a failing disk does. Call while this process has none of them open. */

/** Of a file that the mesh has made. */
export const PAGE_BYTES = 1_024

/** A generator of numbers below 1 that a failing test can repeat. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** Takes the WAL into the file, so that what is spoilt there is what is read. */
export const settle = (dir: string): void => inFile(dir, (file) => void file.pragma('wal_checkpoint(TRUNCATE)'))

/**
 * Spoils a file that others write to, at a moment when none of it is in the WAL: that would be read instead of the damage. What
 * a process has read since the last commit it takes for good, and may write again: so a commit follows, of a page that stays sound.
 * It has to change something: SQLite commits no page that is as it was.
 */
export const damageInUse = (dir: string, damage: (path: string) => void): void =>
  inFile(dir, (file) => {
    const path = join(dir, 'mesh.db')
    for (;;) {
      file.pragma('wal_checkpoint(TRUNCATE)')
      file.exec('BEGIN IMMEDIATE')
      if (statSync(`${path}-wal`).size === 0) break
      file.exec('ROLLBACK')
    }
    file.prepare("INSERT OR REPLACE INTO meta VALUES ('spoilt', ?)").run(String(process.hrtime.bigint()))
    damage(path)
    file.exec('COMMIT')
  })

/** Writes `length` random bytes at each of `times` random places from `from` on. */
export function scribble(path: string, random: () => number, { times = 1, length = 1, from = 0, to = Infinity } = {}): void {
  const file = openSync(path, 'r+')
  try {
    const end = Math.min(to, fstatSync(file).size)
    for (let i = 0; i < times; i++) {
      const bytes = Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
      writeSync(file, bytes, 0, length, from + Math.floor(random() * Math.max(1, end - from - length)))
    }
  } finally {
    closeSync(file)
  }
}

/** Cuts it off at a page's end. */
export const cut = (path: string, pages: number): void => truncateSync(path, pages * PAGE_BYTES)

/** The damaged databases that lie in the directory, without their WALs and indexes. */
export const damagedIn = (dir: string): string[] =>
  readdirSync(dir)
    .filter((name) => /^mesh\.db\.corrupt-\d{8}T\d{9}Z-\d+$/.test(name))
    .map((name) => join(dir, name))
