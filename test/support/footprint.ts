import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What a process takes of the machine. Linux only. */

/** Memory that it alone has and has written to, in MiB. */
export function memoryOf(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(rollup)?.[1]) / 1024
}

/** How many descriptors it has open. */
export const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** What a mesh's files take of the disk, in MiB. */
export function filesOf(dir: string): { database: number; wal: number; logs: number } {
  const size = (name: string) => (statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0) / 1024 / 1024
  return { database: size('mesh.db'), wal: size('mesh.db-wal'), logs: size('mesh.log') + size('mesh.log.1') }
}
