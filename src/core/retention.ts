import type { Clock } from './clock.ts'
import { NEWS_MS, TOGETHER_MS } from './edits.ts'
import { type BootClock, overSql, overValues } from './lifetime.ts'
import type { Transaction } from './sql.ts'

/**
 * What may go, and when. Each verb is one small batch, so that no writer waits long, and returns how many rows it
 * took; the leader calls them until they return less than the batch. Which rows those are is said (ORDER BY): on a mesh of
 * several machines the same statement runs on every copy, and must take the same.
 */

export const BATCH = 200

/** The wall clock may have jumped by this much before retention believes it again only after a fresh look. */
const MAX_DRIFT_MS = 5 * 60_000

/**
 * Read mail past its time goes; unread mail first turns `expired`, so that its sender can see it, and goes a TTL after
 * that, however late it was found to be past its time.
 */
export function pruneMessages(tx: Transaction, now: number, ttlMs: number): number {
  const expired = tx.run(
    `UPDATE messages SET expired_at = ?, payload = '' WHERE seq IN
       (SELECT seq FROM messages WHERE created_at < ? AND seen_at IS NULL AND expired_at IS NULL ORDER BY created_at, seq LIMIT ?)`,
    now,
    now - ttlMs,
    BATCH,
  ).changes
  const deleted = tx.run(
    `DELETE FROM messages WHERE seq IN
       (SELECT seq FROM messages WHERE created_at < ? AND (seen_at IS NOT NULL OR expired_at <= ?) ORDER BY created_at, seq LIMIT ?)`,
    now - ttlMs,
    now - ttlMs,
    BATCH,
  ).changes
  return Math.max(expired, deleted)
}

export const pruneEvents = (tx: Transaction, now: number, ttlMs: number): number =>
  tx.run(
    'DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE created_at < ? ORDER BY created_at, seq LIMIT ?)',
    now - ttlMs,
    BATCH,
  ).changes

/** Mailboxes that were left long ago and hold no unread mail. */
export const forgetPeers = (tx: Transaction, now: number, ttlMs: number): number =>
  tx.run(
    'DELETE FROM peers WHERE id IN (SELECT id FROM peers WHERE live = 0 AND unread = 0 AND left_at < ? ORDER BY id LIMIT ?)',
    now - ttlMs,
    BATCH,
  ).changes

/**
 * Edits of which nobody needs to hear any more, told or not. By the boot clock: a jump of the other one concerns them not.
 * So each machine takes away its own, and no other's.
 */
export function pruneEdits(tx: Transaction, clock: BootClock): number {
  const over = (table: string, key: string, ms: number) =>
    tx.run(
      `DELETE FROM ${table} WHERE (${key}) IN (SELECT ${key} FROM ${table} WHERE ${overSql('at_uptime < ?')} ORDER BY ${key} LIMIT ?)`,
      ...overValues(clock, clock.uptime() - ms),
      BATCH,
    ).changes
  return Math.max(over('touches', 'path_key, peer_id', TOGETHER_MS), over('edit_news', 'id', NEWS_MS))
}

/** Links to the dashboard that nobody has used for long; by the boot clock, too. */
export const pruneBrowserKeys = (tx: Transaction, clock: BootClock): number =>
  tx.run(
    `DELETE FROM browser_keys WHERE digest IN (SELECT digest FROM browser_keys WHERE ${overSql('expires_uptime <= ?')} LIMIT ?)`,
    ...overValues(clock, clock.uptime()),
    BATCH,
  ).changes

/** Gives up to `pages` free pages back to the file system. */
export function vacuum(tx: Transaction, pages: number): number {
  const free = tx.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0
  // One page a call: the statement has a step, but no row, for each page, and only its first step is taken.
  if (free > pages) for (let page = 0; page < pages; page++) tx.run('PRAGMA incremental_vacuum(1)')
  return free
}

/**
 * Whether the wall clock may be trusted to say that something is old: since the last look it must have gone as far
 * as the boot clock. After a jump one round is skipped; otherwise one wrong clock would delete every message.
 */
export function createClockGuard(clock: Clock) {
  let last = { now: clock.now(), uptime: clock.uptime() }
  return {
    trustworthy(): boolean {
      const next = { now: clock.now(), uptime: clock.uptime() }
      const drift = Math.abs(next.now - last.now - (next.uptime - last.uptime))
      last = next
      return drift <= MAX_DRIFT_MS
    },
  }
}
