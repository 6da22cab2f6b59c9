import { waitFor } from './bell.ts'
import type { Clock } from './clock.ts'
import { type Conflict, fail } from './errors.ts'
import type { Events, RingLater } from './events.ts'
import { keysAbove } from './file-path.ts'
import { isoTime } from './iso-time.ts'
import { hostOf, leftMs, overSql, overValues } from './lifetime.ts'
import { MAX_LIST, line as oneLine, text, waitSeconds } from './limits.ts'
import { type Answer, type Claim, conflictOf, fromRow, Lock, type LockRow } from './lock.ts'
import { createLockLine, overlapping } from './lock-line.ts'
import { type Actor, type Context, operation } from './operation.ts'
import { isKnownSender } from './outsiders.ts'
import type { Located, PathScheme, Standpoint } from './path-scheme.ts'
import type { Peers } from './peers.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'
import { createTurnLocks } from './turn-locks.ts'

/**
 * Locks on files and directories (G6). A lock on a directory covers what is below it. Never two holders of one
 * path: every grant is one transaction that looks at everything above and below. Lifetimes follow the boot clock,
 * so a jump of the wall clock neither frees nor prolongs one. A grant's fencing token is the seq of its event.
 *
 * What a lock is, is lock.ts; who waits, and in which order, lock-line.ts; what edits take for a turn, turn-locks.ts.
 */

const MAX_PATH = 4_096
const MAX_REASON = 500
const MAX_TTL_MINUTES = 1_440
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

  const shownLock = (sql: Sql, row: LockRow, viewer: Standpoint | null) => fromRow(row, scheme.shown(sql, row, viewer))
  const conflict = (sql: Sql, row: LockRow, actor: Actor) => conflictOf(row, scheme.shown(sql, row, actor))

  /** Locks on that path, above it or below it. */
  const inTheWay = (sql: Sql, path: Located): LockRow[] => [
    ...overlapping<LockRow>(sql, 'locks', path.key),
    ...scheme.nested(sql, path),
  ]

  const left = (row: LockRow) => leftMs(row.expires_uptime, row.boot_id, clock)
  const isOver = (row: LockRow) => left(row) <= 0
  /** All shells are `cli`: those of one machine are one holder, and those of another exclude them. */
  const isOwn = (row: LockRow, actor: Actor) => row.holder_id === actor.id && hostOf(row.boot_id) === hostOf(clock.bootId)

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

  const holds = (sql: Sql, peerId: string, key: string) =>
    sql.get('SELECT 1 FROM locks WHERE path_key = ? AND holder_id = ?', key, peerId) !== undefined

  const covers = (sql: Sql, peerId: string, key: string) => [...keysAbove(key), key].some((at) => holds(sql, peerId, at))

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

  /** Locks of others on the same file of the same repository in another worktree. */
  function elsewhere(tx: Sql, actor: Actor, paths: readonly Located[]): Conflict[] {
    return paths.flatMap((path) =>
      path.repoPath === null || path.repo === null
        ? []
        : tx
            .all<LockRow>(
              'SELECT * FROM locks WHERE repo = ? AND repo_path = ? AND path_key <> ? AND holder_id <> ?',
              path.repo,
              path.repoPath,
              path.key,
              actor.id,
            )
            .filter((row) => !isOver(row))
            .map((row) => conflict(tx, row, actor)),
    )
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
    grant,
    free,
    covers,
    isOver,
    isOwn,
    inTheWay,
    conflict,
    elsewhere,
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

const filePath = z.once(() => oneLine(MAX_PATH))
const filePaths = z.once(() => z.union([filePath(), z.array(filePath()).check(z.minLength(1), z.maxLength(MAX_LIST))]))

/** The paths of a call, each once. A path outside any repository has no place in one. */
function lockPaths({ store, actor }: Context, given: string | readonly string[]): Located[] {
  const paths = (typeof given === 'string' ? [given] : given).map((path) => store.paths.locate(path, actor))
  return [...new Map(paths.map((path) => [path.key, path])).values()]
}

const lockOutput = z.once(() =>
  z.object({
    lock: z.optional(Lock()),
    locks: z.optional(z.array(Lock())),
    warnings: z.optional(z.array(z.string())),
  }),
)

const oneOrMany = (given: string | readonly string[], locks: Lock[]) =>
  typeof given === 'string' && locks[0] ? { lock: locks[0] } : { locks }

export const lockOperations = {
  'lock.acquire': operation({
    summary: 'Lock files or directories, all or none; again: renew.',
    effect: 'write',
    input: () =>
      z.object({
        filePath: filePaths(),
        reason: z._default(text(MAX_REASON), ''),
        ttlMinutes: z.optional(z.number().check(z.minimum(1), z.maximum(MAX_TTL_MINUTES))),
        wait: z._default(waitSeconds(), 0),
      }),
    output: lockOutput,
    run: async (context, input) => {
      const { store, actor, bell, clock, signal, afterAnswer, defaults } = context
      const paths = lockPaths(context, input.filePath)
      const ttlMs = Math.round((input.ttlMinutes ?? defaults.lockTtlMinutes) * 60_000)
      const deadline = clock.uptime() + input.wait * 1000
      let ticket: number | null = null
      let last: Extract<Answer, { conflicts: unknown }> | undefined
      try {
        const granted = await waitFor(bell, clock, input.wait * 1000, signal, async () => {
          const waitMs = signal.aborted ? 0 : Math.max(0, deadline - clock.uptime())
          const answer = await store.locks.acquire(actor, { paths, reason: input.reason, ttlMs, ticket }, waitMs)
          if ('granted' in answer) {
            ticket = null
            return { found: answer }
          }
          ticket = answer.ticket ?? ticket
          last = answer
          return { again: answer.again }
        })
        if (!granted) {
          if (signal.aborted) throw fail('cancelled', { operation: 'lock.acquire' })
          throw fail('locked', { conflicts: last?.conflicts ?? [], place: last?.place ?? null })
        }
        // A grant of which nobody hears must not outlive the call that asked for it.
        if (!granted.renewed)
          afterAnswer(async (left) => {
            if (!left) await store.locks.giveBack(granted.granted)
          })
        const warnings = granted.elsewhere.map(
          (c) =>
            `${c.holder.name} holds the same file in another worktree (${JSON.stringify(c.filePath)}) until ${c.until}${c.reason && `: ${JSON.stringify(c.reason)}`}`,
        )
        return {
          ...oneOrMany(
            input.filePath,
            granted.granted.map((row) => fromRow(row, { filePath: row.file_path })),
          ),
          ...(warnings.length > 0 && { warnings }),
        }
      } finally {
        if (ticket !== null) await store.locks.leaveLine(ticket)
      }
    },
  }),

  'lock.release': operation({
    summary: 'Give locks back.',
    effect: 'write',
    input: () =>
      z.object({
        filePath: filePaths(),
        force: z._default(z.boolean(), false).check(z.describe('take it from whoever holds it: for people only')),
      }),
    output: lockOutput,
    run: async (context, { filePath, force }) => {
      const { store, actor } = context
      // Whoever else asks for it is refused like anybody who does not hold the lock.
      const released = await store.locks.release(actor, lockPaths(context, filePath), force && isKnownSender(actor.id))
      return oneOrMany(filePath, released)
    },
  }),

  'lock.query': operation({
    summary: 'Who holds what; without a path, all locks.',
    effect: 'read',
    input: () => z.object({ filePath: z.optional(filePaths()) }),
    output: () => z.object({ locks: z.array(Lock()) }),
    run: async (context, { filePath }) => ({
      locks: await context.store.locks.query(filePath === undefined ? [] : lockPaths(context, filePath), context.actor),
    }),
  }),
}
