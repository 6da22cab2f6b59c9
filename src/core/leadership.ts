import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import { processOf } from './identity.ts'
import type { ProcessRef } from './peer.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/**
 * The one row that says who leads, in which term (G3). It is the only authority: lock files, sockets and ports are
 * detectors and consequences. Terms only grow; whatever a leader writes is fenced by its term. No loop here:
 * `peer/election.ts` decides when to stand. It is a row of this machine: on a mesh of several, each has its own leader.
 */

interface Row {
  term: number
  peer_id: string | null
  peer_name: string | null
  pid: number | null
  process_start: string | null
  boot_id: string | null
  pid_namespace: string | null
  socket_path: string | null
  port: number | null
  token_hash: string | null
  elected_at: number | null
}

/** Who leads. `peer` is null where the last leader has resigned; `last` names the one of that term all the same. */
export interface Leadership {
  readonly term: number
  readonly peer: {
    readonly id: string
    readonly name: string
    readonly process: ProcessRef
    readonly socketPath: string
    readonly electedAt: number
  } | null
  readonly port: number | null
  /** SHA-256 of the term's token, in hex; null until it is published. */
  readonly tokenHash: string | null
  readonly last: { readonly name: string; readonly electedAt: number } | null
}

export interface Candidate {
  readonly id: string
  readonly name: string
  readonly process: ProcessRef
  readonly socketPath: string
}

const SELECT = 'SELECT * FROM leader WHERE id = 1'

function fromRow(row: Row): Leadership {
  const peer =
    row.peer_id === null
      ? null
      : {
          id: row.peer_id,
          name: row.peer_name ?? row.peer_id,
          process: processOf(row),
          socketPath: row.socket_path ?? '',
          electedAt: row.elected_at ?? 0,
        }
  const last = row.peer_name === null ? null : { name: row.peer_name, electedAt: row.elected_at ?? 0 }
  return { term: row.term, peer, port: row.port, tokenHash: row.token_hash, last }
}

const VACANT: Leadership = { term: 0, peer: null, port: null, tokenHash: null, last: null }

/** The row as it stands, for whoever has the file open. */
export function readLeadership(sql: Sql): Leadership {
  const row = sql.get<Row>(SELECT)
  return row ? fromRow(row) : VACANT
}

export type LeadershipRow = ReturnType<typeof createLeadership>

export function createLeadership(database: Storage, clock: Clock, events: Events) {
  const read = () => database.read(readLeadership)

  const leads = (leadership: Leadership, term: number, socketPath: string) =>
    leadership.term === term && leadership.peer?.socketPath === socketPath

  const fence =
    <T>(term: number, socketPath: string, change: (tx: Transaction) => T) =>
    (tx: Transaction): T => {
      const row = tx.get<Row>(SELECT)
      if (!row || !leads(fromRow(row), term, socketPath)) throw fail('not_leader', { term })
      return change(tx)
    }

  return {
    read,

    /** Whether that process still leads in that term: 3 µs, asked before every act of a leader. */
    isLeading: (term: number, socketPath: string): boolean => leads(read(), term, socketPath),

    /**
     * Moves the row from `seen.term` to the next one. Undefined where somebody else was faster, where the leader turns
     * out not to be gone after all, or where the guard is refused. `guard` runs inside the transaction: with the write
     * lock held and the term unmoved, any other guard of the new term is litter.
     */
    async stand(
      candidate: Candidate,
      seen: { term: number; because: 'vacant' | 'dead' | 'hung' },
      on: { isGone: (process: ProcessRef) => boolean; guard: (term: number) => boolean },
    ): Promise<number | undefined> {
      return database.writeHere((tx, mesh) => {
        const now = readLeadership(tx)
        if (now.term !== seen.term) return undefined
        if (now.peer && seen.because !== 'hung' && !on.isGone(now.peer.process)) return undefined
        const term = now.term + 1
        if (!on.guard(term)) return undefined
        tx.run(
          `UPDATE leader SET term = ?, peer_id = ?, peer_name = ?, pid = ?, process_start = ?, boot_id = ?, pid_namespace = ?,
             socket_path = ?, port = NULL, token_hash = NULL, elected_at = ? WHERE id = 1`,
          term,
          candidate.id,
          candidate.name,
          candidate.process.pid,
          candidate.process.startedAt,
          candidate.process.bootId,
          candidate.process.pidNamespace,
          candidate.socketPath,
          clock.now(),
        )
        const previous = now.peer ? { id: now.peer.id, name: now.peer.name } : null
        mesh((tx) => void events.append(tx, 'leader_elected', { term, because: seen.because, previous }, candidate))
        return term
      })
    },

    /** Runs a leader's write in one transaction with the check that it still leads. Throws `not_leader`. */
    async fenced<T>(term: number, socketPath: string, change: (tx: Transaction) => T): Promise<T> {
      return database.write(fence(term, socketPath, change))
    },

    /** The same for what concerns this machine alone: its file, its token, its browsers. */
    async fencedHere<T>(term: number, socketPath: string, change: (tx: Transaction) => T): Promise<T> {
      return database.writeHere(fence(term, socketPath, change))
    },

    async publish(term: number, socketPath: string, port: number, tokenHash: string): Promise<void> {
      await this.fencedHere(term, socketPath, (tx) =>
        tx.run('UPDATE leader SET port = ?, token_hash = ? WHERE id = 1', port, tokenHash),
      )
    },

    /** Leaves the office vacant, so that the others need not find out. The term stays used. */
    async resign(term: number, socketPath: string): Promise<void> {
      await database.writeHere((tx) =>
        tx.run(
          'UPDATE leader SET peer_id = NULL, port = NULL, token_hash = NULL WHERE id = 1 AND term = ? AND socket_path = ?',
          term,
          socketPath,
        ),
      )
    },
  }
}
