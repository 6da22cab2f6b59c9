import type { Sql, Transaction } from '../sql.ts'
import { asides } from './aside.ts'
import type { Connection } from './connection.ts'
import { identityOf } from './moving.ts'
import { type Saved, salvage } from './salvage.ts'

/** What became of a damaged file, as the one that took its place remembers it, and as everybody is told. */
export interface Recovery {
  /** Its WAL and index lie beside it. */
  readonly movedTo: string
  /** ms since the epoch. */
  readonly at: number
  readonly damage: string
  readonly saved: Saved
  /** All that was to be brought over could be read. */
  readonly isWhole: boolean
}

const KEY = 'recovery'
/** Each who moves may add something: everybody for a moment only. */
const BRING_OVER_MS = 500

export const note = (into: Sql, recovery: Recovery) =>
  into.run('INSERT OR REPLACE INTO meta VALUES (?, ?)', KEY, JSON.stringify(recovery))

/** Undefined where the file has not taken the place of a damaged one. */
export function readRecovery(sql: Sql): Recovery | undefined {
  const row = sql.get<{ value: string }>('SELECT value FROM meta WHERE key = ?', KEY)
  return row && (JSON.parse(row.value) as Recovery) // written by `note`
}

/**
 * For a process that moves from the file that it has open to `next`: the first change there, and what has happened, where
 * the one that it leaves was moved aside as damaged. What the mover could not read, this process may still be able to: it
 * knows pages, and has a WAL, that are no longer what stands on the disk.
 */
export function arrivalIn<T>(path: string, left: { connection: Connection; file: string }, first: (tx: Transaction) => T) {
  const wasDamaged = asides(path).some((aside) => identityOf(aside.path) === left.file)
  let recovery: Recovery | undefined
  return {
    change: (tx: Transaction): T => {
      recovery = wasDamaged ? readRecovery(tx) : undefined
      if (recovery && !recovery.isWhole && left.connection.isOpen && identityOf(recovery.movedTo) === left.file) {
        const more = salvage(left.connection, tx, BRING_OVER_MS, recovery.at)
        recovery = { ...recovery, saved: sum(recovery.saved, more.saved), isWhole: more.isWhole }
        note(tx, recovery)
      }
      return first(tx)
    },
    recovery: () => recovery,
  }
}

export const sum = (a: Saved, b: Saved): Saved => ({
  peers: a.peers + b.peers,
  messages: a.messages + b.messages,
  unread: a.unread + b.unread,
  state: a.state + b.state,
  locks: a.locks + b.locks,
})

/** For people and agents alike: what happened, and what may no longer be there. */
export function recoveryText({ movedTo, damage, saved, isWhole }: Recovery): string {
  const { peers, messages, unread, state, locks } = saved
  const counts = [
    counted(peers, 'peer'),
    `${counted(messages, 'message')} (${unread} unread)`,
    counted(state, 'entry of state', 'entries of state'),
    counted(locks, 'lock'),
  ].join(', ')
  return [
    `The mesh's database was damaged (${damage}). It was moved aside to ${movedTo}, and the mesh goes on in a new one.`,
    `Brought over: ${counts}; not the log of events${isWhole ? '' : ', nor what could not be read'}.`,
    'What was written in the last seconds before may be missing: look at your locks and your last writes.',
  ].join(' ')
}

const counted = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`
