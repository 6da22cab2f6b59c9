import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { isoTime } from '../iso-time.ts'

/** The names under which damaged databases lie beside the one that is used: `mesh.db.corrupt-20261125T213100123Z-4711`. */

export interface Aside {
  readonly path: string
  readonly at: number
  readonly pid: number
  /** With its WAL and index. */
  readonly sizeBytes: number
}

export const SUFFIXES = ['', '-wal', '-shm'] as const

export const asideOf = (database: string, at: number, pid: number) =>
  `${database}.corrupt-${isoTime(at).replaceAll(/[-:.]/g, '')}-${pid}`

const NAME = /\.corrupt-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{1,10})$/

/** Oldest first. Where only a WAL or an index is left of one, it counts all the same. */
export function asides(database: string): Aside[] {
  const dir = dirname(database)
  const found = new Map<string, Aside>()
  for (const name of namesIn(dir)) {
    const path = join(dir, name.replace(/-(?:wal|shm)$/, ''))
    const parts = NAME.exec(path)
    if (!parts || !name.startsWith(`${basename(database)}.corrupt-`) || found.has(path)) continue
    const [, year, month, day, hours, minutes, seconds, ms, pid] = parts
    const at = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}.${ms}Z`)
    if (Number.isNaN(at)) continue
    const sizes = SUFFIXES.map((suffix) => statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0)
    found.set(path, { path, at, pid: Number(pid), sizeBytes: sizes.reduce((a, b) => a + b, 0) })
  }
  return [...found.values()].sort((a, b) => a.at - b.at)
}

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
