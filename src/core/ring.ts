import type { Sql, Transaction } from './sql.ts'

/** Rings one peer's doorbell; called after COMMIT only. */
export type Ring = (target: { peerId: string; socketPath: string }) => void

/**
 * Asks that a peer be rung after COMMIT; several reasons in one batch ring once. Who has no doorbell of its own (a script,
 * somebody at a shell, a peer that is away) is rung at the leader's, where calls and streams on their behalf wait.
 */
export type RingLater = (tx: Transaction, peer: { id: string; socket_path: string | null }) => void

export const ringLater =
  (ring: Ring, isHere?: (sql: Sql, peerId: string) => boolean): RingLater =>
  (tx, { id, socket_path }) => {
    // On another machine everybody looks who is told that the log has grown.
    if (socket_path !== null && isHere && !isHere(tx, id)) return
    const target = socket_path === null ? leaderOf(tx) : { peerId: id, socketPath: socket_path }
    if (target) tx.afterCommit(`ring ${target.peerId}`, () => ring(target))
  }

const leaderOf = (sql: Sql) =>
  sql.get<{ peerId: string; socketPath: string }>(
    'SELECT peer_id AS "peerId", socket_path AS "socketPath" FROM leader WHERE peer_id IS NOT NULL',
  )
