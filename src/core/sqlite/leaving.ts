import type { Transaction } from '../sql.ts'
import type { Connection } from './connection.ts'
import { type Footing, footingOf, removeStale } from './moving.ts'
import { openRecovered } from './quarantine.ts'
import { arrivalIn } from './recovery.ts'

/**
 * From the files that are open to what stands at the path now. Gives the connection there, and the first change to make on it,
 * after which the old one is closed. Call under the guard of moving.ts.
 */
export async function leave<T>(path: string, old: Connection, footing: Footing, first: (tx: Transaction) => T) {
  const now = footingOf(path)
  if (now[''] !== footing['']) removeStale(path, footing)
  else {
    // Only the WAL or the index went. What the WAL held is still in our hands, unless others have begun a new one.
    if (now['-wal'] === 'missing' && old.isOpen) old.get('PRAGMA wal_checkpoint(PASSIVE)')
    // SQLite keeps one index a file and process: the old one must go before there can be another.
    old.close()
  }
  const { connection: next } = await openRecovered(path)
  return { next, arrival: arrivalIn(path, { connection: old, file: footing[''] }, first) }
}
