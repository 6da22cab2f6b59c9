import { appendFileSync, renameSync, statSync } from 'node:fs'

export const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type Level = (typeof LEVELS)[number]

/** Takes an event and its facts. Facts are never secrets: no token is ever logged. */
export type Log = { readonly [L in Exclude<Level, 'silent'>]: (event: string, facts?: Record<string, unknown>) => void }

/** Two files of this size are kept: `mesh.log` and `mesh.log.1`, 5 MiB together. */
const MAX_FILE_BYTES = 2.5 * 1024 * 1024

/**
 * Appends lines of JSON to `path`, and writes those of level warn and above to stderr as well. Several processes
 * append to one file: each line is one write. A log that cannot be written is given up silently: it must never
 * be the reason for a failure.
 */
export function createLog(path: string, level: Level, who: () => string, stderr: (line: string) => void): Log {
  const threshold = LEVELS.indexOf(level)
  const write =
    (lineLevel: Level) =>
    (event: string, facts: Record<string, unknown> = {}) => {
      const rank = LEVELS.indexOf(lineLevel)
      if (rank < threshold) return
      const entry = { time: new Date().toISOString(), level: lineLevel, pid: process.pid, peer: who(), event, ...describe(facts) }
      try {
        if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > MAX_FILE_BYTES) renameSync(path, `${path}.1`)
        appendFileSync(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 })
      } catch {
        // Full disk, missing directory: the mesh goes on.
      }
      if (rank >= LEVELS.indexOf('warn')) stderr(`slm-mesh ${lineLevel}: ${event} ${JSON.stringify(describe(facts))}\n`)
    }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

function describe(facts: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, value instanceof Error ? (value.stack ?? value.message) : value]),
  )
}
