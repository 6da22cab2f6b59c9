import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Sqlite } from './sqlite.ts'

/** The mesh's file as a stranger sees it: through SQLite, for every other way of reading it would break its locks. */
export function inFile<T>(dir: string, look: (file: Sqlite) => T): T {
  const file = new Sqlite(join(dir, 'mesh.db'), { timeout: 5_000 })
  try {
    return look(file)
  } finally {
    file.close()
  }
}

/** Takes out what tests put into a mesh that they share: mail, locks and state. What happened stays in the log. */
export const empty = (dir: string): void =>
  inFile(dir, (file) => {
    file.exec('DELETE FROM messages; DELETE FROM locks; DELETE FROM lock_waits; DELETE FROM state')
  })

/** What SQLite says of the whole file: `ok`, or what is broken. */
export const integrity = (dir: string): unknown => inFile(dir, (file) => file.pragma('integrity_check', { simple: true }))

interface LeaderRow {
  term: number
  peer_id: string | null
  peer_name: string | null
  pid: number | null
  port: number | null
}

export const leaderRow = (dir: string): LeaderRow =>
  inFile(dir, (file) => file.prepare<[], LeaderRow>('SELECT * FROM leader').get() as LeaderRow) // there is always one row

/** Every election that ever was, oldest first. */
export const elections = (dir: string): { term: number; because: string; by: string }[] =>
  inFile(dir, (file) =>
    file
      .prepare<[], { payload: string; by: string }>(
        `SELECT payload, emitted_by_name AS "by" FROM events WHERE type = 'leader_elected' ORDER BY seq`,
      )
      .all()
      .map(({ payload, by }) => ({ ...JSON.parse(payload), by })),
  )

export const guards = (dir: string): string[] => readdirSync(dir).filter((name) => /^leader\..*\.lock$/.test(name))
export const sockets = (dir: string): string[] => readdirSync(join(dir, 'peers')).filter((name) => name.endsWith('.sock'))
