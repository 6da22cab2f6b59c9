import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { monotonicMs } from '../../core/clock.ts'
import { indexOf } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import { Connection } from '../../core/sqlite/connection.ts'
import { isBusy } from '../../core/sqlite/sqlite-errors.ts'
import { bad, type Check, type Found, NO_MESH, ok, type Site, unknown } from './check.ts'
import { stateOf } from './process-state.ts'

/** Can a write begin? A process that is stopped inside its transaction keeps everybody else from writing. */

const PATIENCE_MS = 300
const LOOK_EVERY_MS = 5

export const writeLock: Check = async (site) => {
  const { layout, has } = site
  if (!has.database || statSync(layout.database).size === 0) return ok(NO_MESH)
  try {
    accessSync(layout.database, constants.R_OK | constants.W_OK)
  } catch {
    return unknown('the database cannot be written')
  }
  const connection = new Connection(layout.database)
  try {
    const until = monotonicMs() + PATIENCE_MS
    while (monotonicMs() < until) {
      if (begins(connection)) return ok('free: a write can begin')
      await sleep(LOOK_EVERY_MS, undefined, true)
    }
  } finally {
    connection.close()
  }
  return keptBy(site)
}

function begins(connection: Connection): boolean {
  try {
    connection.run('BEGIN IMMEDIATE')
    connection.run('ROLLBACK')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    throw error
  }
}

function keptBy({ layout, platform, rows }: Site): Found {
  const kept = `kept by another process for longer than ${PATIENCE_MS} ms`
  const index = indexOf(layout.database)
  const pid = platform === 'linux' ? writerOf(readFileSync('/proc/locks', 'utf8'), statSync(index)) : undefined
  if (pid === undefined) return bad(kept, `find it among those that have the file open: lsof '${index}'`)
  const name = rows().peers.find((row) => row.live === 1 && row.pid === pid)?.name
  const who = `process ${pid}${name ? ` (${name})` : ''}`
  const state = stateOf(pid)
  return state === 'stopped'
    ? bad(`kept by ${who}, which is stopped in the middle of a write`, `kill -CONT ${pid}`)
    : bad(`kept by ${who}, ${state ?? 'state unknown'}, for longer than ${PATIENCE_MS} ms`, `wait, or end it: kill ${pid}`)
}

/** SQLite's WAL write lock: this byte of the index file. */
const WRITE_LOCK_BYTE = 120

/** The process that holds the write lock of the WAL with that index, from `/proc/locks` (proc(5)). Pure. */
export function writerOf(locks: string, index: { dev: number; ino: number }): number | undefined {
  const device = [(index.dev >> 8) & 0xfff, (index.dev & 0xff) | ((index.dev >> 12) & 0xfff00)]
  const holders = locks.split('\n').flatMap((line) => {
    // `3: POSIX  ADVISORY  WRITE 4242 00:2e:1234 120 120`; a line with `->` waits and holds nothing.
    const match = /^\d+: (?:POSIX|OFDLCK)\s+\S+\s+WRITE\s+(-?\d+)\s+([0-9a-f]+):([0-9a-f]+):(\d+)\s+(\d+)\s+(\d+|EOF)/.exec(line)
    if (!match) return []
    const [, pid, major, minor, inode, from, to] = match
    if (Number(inode) !== index.ino || Number(from) > WRITE_LOCK_BYTE) return []
    if (to !== 'EOF' && Number(to) < WRITE_LOCK_BYTE) return []
    const isSameDevice = Number.parseInt(major ?? '', 16) === device[0] && Number.parseInt(minor ?? '', 16) === device[1]
    return Number(pid) > 0 ? [{ pid: Number(pid), isSameDevice }] : []
  })
  // Btrfs and overlays tell the kernel another device than they tell stat: then the inode must do.
  return (holders.find(({ isSameDevice }) => isSameDevice) ?? holders[0])?.pid
}
