import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Agent } from './agent.ts'
import { dataDir, testDir } from './data-dir.ts'

/** A place for a mesh whose disk can be filled and emptied. */
export interface SmallDisk {
  readonly what: string
  readonly dir: string
  /** The code under which a call reports that there is no room. */
  readonly code: 'disk_full' | 'storage'
  fill(agents: readonly Agent[]): void
  empty(agents: readonly Agent[]): void
}

const run = ([command = '', ...args]: readonly string[], env = process.env) => spawnSync(command, args, { encoding: 'utf8', env })

/** A command that may write no file larger than that. Linux. */
export const runWithin = (bytes: number, command: readonly string[], env: NodeJS.ProcessEnv) =>
  run(['prlimit', `--fsize=${bytes}`, ...command], env)

/**
 * A file system of its own of a few megabytes: mounted by root, or with `sudo` where that asks for no password, as on
 * hosted CI. Undefined, with the reason, where neither may mount.
 */
export function smallFileSystem(megabytes: number): SmallDisk | { refused: string } {
  const root = testDir()
  const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()},mode=0700`
  const mount = ['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,${owner}`, 'tmpfs', root]
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const { status, stderr, error } = run([...prefix, ...mount])
  if (status !== 0) return { refused: stderr?.trim() || String(error) }
  onTestFinished(() => void run([...prefix, 'umount', '--lazy', root]))
  const filler = join(root, 'filler')
  return {
    what: `a file system of ${megabytes} MiB`,
    dir: join(root, 'mesh'),
    code: 'disk_full',
    fill() {
      // Down to the last page, by trying: the free space that a file system tells may be an estimate.
      const file = openSync(filler, 'a')
      for (const chunk of [Buffer.alloc(65_536), Buffer.alloc(4_096), Buffer.alloc(1)])
        try {
          for (;;) writeSync(file, chunk)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
        }
      closeSync(file)
    },
    empty: () => rmSync(filler, { force: true }),
  }
}

/**
 * No file of these processes may grow, or be written at all: the limit of a process (RLIMIT_FSIZE) needs no rights.
 * The system's answer is "file too large", which SQLite passes on as an error of the disk.
 */
export function sizeLimit(): SmallDisk | { refused: string } {
  const { status, error } = run(['prlimit', '--version'])
  if (status !== 0) return { refused: String(error) }
  const limit = (agents: readonly Agent[], bytes: string) => {
    for (const { pid } of agents) {
      const set = run(['prlimit', '--pid', String(pid), `--fsize=${bytes}:unlimited`])
      if (set.status !== 0) throw new Error(set.stderr)
    }
  }
  const dir = dataDir()
  mkdirSync(dir, { mode: 0o700 })
  return {
    what: 'a limit on the size of files',
    dir,
    code: 'storage',
    fill: (agents) => limit(agents, '0'),
    empty: (agents) => limit(agents, 'unlimited'),
  }
}
