import type { Clock } from './clock.ts'
import { type Conflict, fail } from './errors.ts'
import type { Events } from './events.ts'
import { isoTime } from './iso-time.ts'
import { leftMs, overSql, overValues } from './lifetime.ts'
import { type Answer, type Claim, fromRow, type Lock, type LockRow } from './lock.ts'
import { createLockLine } from './lock-line.ts'
import type { Actor } from './operation.ts'
import type { Located, PathScheme, Standpoint } from './path-scheme.ts'
import type { Peers } from './peers.ts'
import type { RingLater } from './ring.ts'
import type { Sql, Transaction } from './sql.ts'
import { createStandingLocks } from './standing-locks.ts'
import type { Storage } from './storage.ts'
import { createTurnLocks } from './turn-locks.ts'

/**
 * Locks on files and directories (G6). A lock on a directory covers what is below it. Never two holders of one
 * path: every grant is one transaction that looks at everything above and below. Lifetimes follow the boot clock,
 * so a jump of the wall clock neither frees nor prolongs one. A grant's fencing token is the seq of its event.
 *
 * What a lock is, is lock.ts; what stands in the way of whom, standing-locks.ts; who waits, and in which order, lock-line.ts;
 * what edits take for a turn, turn-locks.ts.
 */

const MAX_LISTED = 200
const LOOK_AGAIN_MS = 5_000

const EXPIRED = overSql('expires_uptime <= ?')

type UnlockReason = 'released' | 'expired' | 'left' | 'crashed' | 'forced'

export type Locks = ReturnType<typeof createLocks>

export function createLocks(
  database: Storage,
  clock: Clock,
  events: Events,
  peers: Peers,
  scheme: PathScheme,
  ring: RingLater,
  isCutOff: () => boolean = () => false,
) {
  const line = createLockLine(clock, ring)

  peers.hook({
    gone(tx, peer, reason) {
      line.leaveAll(tx, peer.id)
      for (const row of tx.all<LockRow>('SELECT * FROM locks WHERE holder_id = ?', peer.id))
        free(tx, row, reason === 'expired' ? 'crashed' : reason)
    },
  })

  /** Takes a lock away, says so, and rings everyone who waits for something that it covered. */
  function free(tx: Transaction, row: LockRow, reason: UnlockReason): void {
    tx.run('DELETE FROM locks WHERE path_key = ?', row.path_key)
    const holder = { id: row.holder_id, name: row.holder_name }
    events.append(tx, 'file_unlocked', { ...scheme.told(tx, row), holder, reason, token: row.token }, holder)
    line.ringFor(tx, row.path_key)
    if (reason !== 'released') ringHolder(tx, row.holder_id)
  }

  /** What a peer holds has changed: it watches those files. */
  function ringHolder(tx: Transaction, holderId: string): void {
    const peer = tx.get<{ id: string; socket_path: string | null }>('SELECT id, socket_path FROM peers WHERE id = ?', holderId)
    if (peer?.socket_path) ring(tx, peer)
  }

  const standing = createStandingLocks(clock, scheme)
  const { inTheWay, left, isOver, isOwn, holds, covers, conflict, elsewhere } = standing
  const shownLock = (sql: Sql, row: LockRow, viewer: Standpoint | null) => fromRow(row, scheme.shown(sql, row, viewer))

  /** What stands in the way of a claim: others' locks, and others who have waited longer. Frees what has expired. */
  function obstacles(tx: Transaction, actor: Actor, claim: Claim) {
    const conflicts: Conflict[] = []
    let again = LOOK_AGAIN_MS
    for (const path of claim.paths) {
      for (const row of inTheWay(tx, path)) {
        // Also one's own: a lock that is over is not revived past those who wait, nor with the token that it had.
        if (isOver(row)) free(tx, row, 'expired')
        else if (!isOwn(row, actor)) {
          conflicts.push(conflict(tx, row, actor))
          again = Math.min(again, left(row))
        }
      }
      // Whoever holds the path, or a directory above it, need not stand in line for it.
      if (covers(tx, actor.id, path.key)) continue
      for (const wait of line.ahead(tx, path.key, actor.id, claim.ticket)) {
        const until = isoTime(wait.until_at)
        const holder = { id: wait.peer_id, name: wait.peer_name }
        conflicts.push({ filePath: path.filePath, holder, reason: '', until, kind: 'awaited' })
        again = Math.min(again, leftMs(wait.until_uptime, wait.boot_id, clock))
      }
    }
    return { conflicts, again: Math.max(1, again) }
  }

  /** Grants or renews one path of a claim that nothing stands in the way of. */
  function grant(tx: Transaction, actor: Actor, path: Located, claim: Claim): LockRow {
    const now = clock.now()
    const held = tx.get<LockRow>('SELECT * FROM locks WHERE path_key = ?', path.key)
    const expires = [now + claim.ttlMs, clock.uptime() + claim.ttlMs, clock.bootId] as const
    if (held) {
      const reason = claim.reason || held.reason
      tx.run(
        'UPDATE locks SET expires_at = ?, expires_uptime = ?, boot_id = ?, reason = ? WHERE path_key = ?',
        ...expires,
        reason,
        path.key,
      )
      turn.own(tx, held.token)
      return { ...held, expires_at: expires[0], reason }
    }
    const written = { file_path: path.filePath, path_key: path.key, repo: path.repo, repo_path: path.repoPath }
    const at = scheme.told(tx, { ...written, boot_id: clock.bootId })
    const payload = { ...at, reason: claim.reason, expiresAt: isoTime(expires[0]) }
    const token = events.append(tx, 'file_locked', payload, actor)
    const row = tx.get<LockRow>(
      'INSERT INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *',
      path.key,
      path.filePath,
      path.repo,
      path.repoPath,
      actor.id,
      actor.name,
      claim.reason,
      token,
      now,
      ...expires,
    )
    if (!row) throw new Error('an insert returned no row')
    ringHolder(tx, actor.id)
    return row
  }

  /** Releases what a claim was granted, unless it was released, or granted anew, since. */
  async function giveBack(granted: readonly { path_key: string; token: number }[]): Promise<void> {
    await database.write((tx) => {
      for (const { path_key, token } of granted) {
        const row = tx.get<LockRow>('SELECT * FROM locks WHERE path_key = ? AND token = ?', path_key, token)
        if (row) free(tx, row, 'released')
      }
    })
  }

  const turn = createTurnLocks(database, clock, {
    line,
    standing,
    grant,
    free,
    giveBack,
  })

  return {
    edit: turn.edit,
    endTurn: turn.end,

    /**
     * Grants all of a claim's paths or none. With `waitMs` left, a refusal comes with a ticket to try again with;
     * the caller gives the ticket back with `leaveLine` when it stops trying.
     */
    async acquire(actor: Actor, claim: Claim, waitMs: number): Promise<Answer> {
      return database.write((tx) => {
        const { conflicts, again } = obstacles(tx, actor, claim)
        if (conflicts.length > 0) {
          const keys = claim.paths.map((path) => path.key)
          const ticket = claim.ticket ?? (waitMs > 0 ? line.stand(tx, actor, keys, waitMs) : null)
          return { conflicts, ticket, place: ticket === null ? null : new Set(conflicts.map((c) => c.holder.id)).size, again }
        }
        if (claim.ticket !== null) line.leave(tx, claim.ticket)
        const renewed = claim.paths.every((path) => holds(tx, actor.id, path.key))
        return {
          granted: claim.paths.map((path) => grant(tx, actor, path, claim)),
          renewed,
          elsewhere: elsewhere(tx, actor, claim.paths),
        }
      })
    },

    /** Gives up a place in line; those behind it are rung. */
    async leaveLine(ticket: number): Promise<void> {
      await database.write((tx) => line.leave(tx, ticket))
    },

    /** Releases all of the paths or none. Throws `not_holder`; with `force`, whoever holds them. */
    async release(actor: Actor, paths: readonly Located[], force: boolean): Promise<Lock[]> {
      return database.write((tx) =>
        paths.map((path) => {
          const row = tx.get<LockRow>('SELECT * FROM locks WHERE path_key = ?', path.key)
          if (!row || !(force || isOwn(row, actor)))
            throw fail('not_holder', { filePath: path.filePath, holder: row?.holder_name ?? null })
          free(tx, row, isOwn(row, actor) ? 'released' : 'forced')
          return shownLock(tx, row, actor)
        }),
      )
    },

    giveBack,

    /** What a peer holds; nothing, once others may have been given it. */
    heldBy(holderId: string): (Located & { token: number })[] {
      if (isCutOff()) return []
      return database.read((sql) =>
        sql
          .all<LockRow>('SELECT * FROM locks WHERE holder_id = ? LIMIT ?', holderId, MAX_LISTED)
          .filter((row) => !isOver(row))
          .map((row) => ({
            ...{ filePath: row.file_path, key: row.path_key, repo: row.repo, repoPath: row.repo_path },
            token: row.token,
          })),
      )
    },

    /** The locks that concern these paths (all, if none are named), without those that are over. */
    async query(paths: readonly Located[], viewer: Standpoint | null = null): Promise<Lock[]> {
      return database.read((sql) => {
        const rows =
          paths.length === 0
            ? sql.all<LockRow>('SELECT * FROM locks ORDER BY file_path LIMIT ?', MAX_LISTED)
            : paths.flatMap((path) => inTheWay(sql, path))
        const standing = rows.filter((row) => !isOver(row)).map((row) => [row.path_key, row] as const)
        return [...new Map(standing).values()].map((row) => shownLock(sql, row, viewer))
      })
    },

    /** Takes a lock away as part of a transaction that ends more: of a machine that is gone. */
    freeing: free,

    /** Frees locks whose time is over. Returns how many. */
    async expire(limit: number): Promise<number> {
      const values = () => overValues(clock, clock.uptime())
      if (!database.read((sql) => sql.get(`SELECT 1 FROM locks WHERE ${EXPIRED} LIMIT 1`, ...values()))) return 0
      return database.write((tx) => {
        const rows = tx.all<LockRow>(`SELECT * FROM locks WHERE ${EXPIRED} LIMIT ?`, ...values(), limit)
        for (const row of rows) free(tx, row, 'expired')
        return rows.length
      })
    },
  }
}
