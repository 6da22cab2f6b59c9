import type { Clock } from '../../core/clock.ts'
import type { LeadershipRow } from '../../core/leadership.ts'
import type { Log } from '../../core/log.ts'
import {
  BATCH,
  createClockGuard,
  forgetPeers,
  pruneBrowserKeys,
  pruneEdits,
  pruneEvents,
  pruneMessages,
  vacuum,
} from '../../core/retention.ts'
import type { Scope } from '../../core/scope.ts'
import type { Transaction } from '../../core/sql.ts'
import type { Storage } from '../../core/storage.ts'
import type { Store } from '../../core/store.ts'

/** Keeps the file small: prunes what is old, gives pages back, bounds the WAL. And frees locks whose time is over. */

const EXPIRE_EVERY_MS = 1_000
const PRUNE_EVERY_MS = 60_000
/** Soon after an election: where leaders come and go, none of them may be in office for a minute. */
const FIRST_PRUNE_MS = 5_000
const WAL_PASSIVE_BYTES = 4 * 1024 * 1024
const WAL_RESTART_BYTES = 16 * 1024 * 1024
const VACUUM_PAGES = 64

interface JanitorOptions {
  readonly store: Pick<Store, 'locks'>
  readonly database: Storage
  readonly leadership: Pick<LeadershipRow, 'fenced' | 'fencedHere'>
  readonly clock: Clock
  readonly term: number
  readonly socketPath: string
  readonly messageTtlMs: number
  readonly eventTtlMs: number
  /** Whether it is this machine that prunes for all, on a mesh of several. */
  readonly isFirst?: () => boolean
  readonly log: Log
}

export interface Swept {
  messages: number
  events: number
  peers: number
}

export function startJanitor(scope: Scope, options: JanitorOptions) {
  const { store, database, leadership, clock, term, socketPath, log } = options
  const clockGuard = createClockGuard(clock)

  /** Batch after batch, each its own short transaction, fenced by the term. */
  async function inBatches(batch: (tx: Transaction) => number, fenced: 'fenced' | 'fencedHere' = 'fenced'): Promise<number> {
    let total = 0
    for (;;) {
      const taken = await leadership[fenced](term, socketPath, batch)
      total += taken
      if (taken < BATCH || scope.signal.aborted) return total
    }
  }

  async function prune(): Promise<Swept> {
    await inBatches((tx) => pruneEdits(tx, clock))
    await inBatches((tx) => pruneBrowserKeys(tx, clock), 'fencedHere')
    const now = clock.now()
    if (!clockGuard.trustworthy()) {
      log.warn('the wall clock has jumped: nothing is pruned this time', { now })
      return { messages: 0, events: 0, peers: 0 }
    }
    const isOurs = options.isFirst?.() ?? true
    const swept = {
      messages: isOurs ? await inBatches((tx) => pruneMessages(tx, now, options.messageTtlMs)) : 0,
      events: isOurs ? await inBatches((tx) => pruneEvents(tx, now, options.eventTtlMs)) : 0,
      peers: isOurs ? await inBatches((tx) => forgetPeers(tx, now, options.eventTtlMs)) : 0,
    }
    let free = Number.POSITIVE_INFINITY
    while (free > VACUUM_PAGES && !scope.signal.aborted) {
      const left = await leadership.fencedHere(term, socketPath, (tx) => vacuum(tx, VACUUM_PAGES))
      if (left >= free) break
      free = left
    }
    const { walSizeBytes } = database.wal.sizes()
    if (walSizeBytes > WAL_PASSIVE_BYTES) database.wal.checkpoint(walSizeBytes > WAL_RESTART_BYTES ? 'restart' : 'passive')
    if (swept.messages + swept.events + swept.peers > 0) log.info('pruned', { ...swept })
    return swept
  }

  scope.every(
    EXPIRE_EVERY_MS,
    () => store.locks.expire(BATCH),
    (error) => log.warn('expiring locks failed', { error }),
  )
  scope.every(PRUNE_EVERY_MS, prune, (error) => log.warn('pruning failed', { error }), FIRST_PRUNE_MS)
  return { runOnce: prune }
}
