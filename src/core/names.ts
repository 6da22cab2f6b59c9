import type { Sql } from './sql.ts'

/** What can be named on the mesh, for a shell that completes a word: short reads, for whoever has the file open. */

const MOST = 1_000

export interface Named {
  readonly name: string
  readonly about: string
}

export const peerNames = (sql: Sql): Named[] =>
  sql.all<Named>(
    `SELECT name, agent_type || CASE live WHEN 1 THEN '' ELSE ', away' END || CASE summary WHEN '' THEN '' ELSE ': ' || substr(summary, 1, 100) END AS about
     FROM peers WHERE kind <> 'known' ORDER BY live DESC, heartbeat_at DESC LIMIT ${MOST}`,
  )

export const namespaceNames = (sql: Sql): Named[] =>
  sql.all<Named>(
    `SELECT name, entries || CASE entries WHEN 1 THEN ' entry' ELSE ' entries' END AS about FROM namespaces ORDER BY name LIMIT ${MOST}`,
  )

export const keyNames = (sql: Sql, namespace: string): Named[] =>
  sql.all<Named>(
    `SELECT key AS name, 'by ' || updated_by_name AS about FROM state WHERE namespace = ? ORDER BY key LIMIT ${MOST}`,
    namespace,
  )

export const lockedPaths = (sql: Sql): Named[] =>
  sql.all<Named>(`SELECT file_path AS name, 'by ' || holder_name AS about FROM locks ORDER BY file_path LIMIT ${MOST}`)
