import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { processOf, socketOf } from '../../core/identity.ts'
import { isFresh } from '../../core/lifetime.ts'
import type { Log } from '../../core/log.ts'
import { removeSocket } from '../../core/paths.ts'
import type { ProcessRef } from '../../core/peer.ts'
import type { Scope } from '../../core/scope.ts'
import type { Store } from '../../core/store.ts'

/**
 * Ends the rows of peers that nobody's link told of: dead since before this leader, or hung for longer than allowed.
 * Removes the socket files that the dead left behind.
 */

/**
 * A round is late, and this process has itself slept, when it comes this many rounds after the last. It may as well be stopped
 * in the midst of a round: so a round knows one moment, its start, for whether it is late and for how old a beat is.
 */
const LATE_ROUNDS = 2

interface ReaperOptions {
  readonly store: Pick<Store, 'peers'>
  readonly clock: Clock
  readonly isGone: (process: ProcessRef) => boolean
  readonly selfId: () => string
  /** Since when our own beats have reached the file: of a silence that was everybody's, nobody is given up. */
  readonly beatingSince: () => number
  readonly socketDir: string
  readonly deadMs: number
  readonly everyMs: number
  readonly log: Log
}

export function startReaper(scope: Scope, options: ReaperOptions) {
  const { store, clock, log } = options
  let lookedAt = clock.uptime()
  /** Since when we have watched without sleeping: after a machine's sleep, everybody's last beat is old. */
  let watchedSince = 0

  async function reap(): Promise<{ crashed: number; expired: number }> {
    const counts = { crashed: 0, expired: 0 }
    const now = clock.uptime()
    if (now - lookedAt > LATE_ROUNDS * options.everyMs) watchedSince = now
    lookedAt = now
    const since = Math.max(watchedSince, options.beatingSince())
    const startOfRound = { bootId: clock.bootId, uptime: () => now }
    for (const row of await store.peers.all()) {
      if (row.live === 0 || row.id === options.selfId()) continue
      const crashed = options.isGone(processOf(row))
      const expired = !crashed && !isFresh(Math.max(row.heartbeat_uptime, since), options.deadMs, row.boot_id ?? '', startOfRound)
      if (!crashed && !expired) continue
      if (!(await (crashed ? store.peers.end(row.id, 'crashed', row.socket_path) : store.peers.giveUp(row)))) continue
      counts[crashed ? 'crashed' : 'expired']++
      const socket = socketOf(row)
      if (crashed && socket) removeSocket(socket)
    }
    if (counts.crashed + counts.expired > 0) log.info('reaped', counts)
    return counts
  }

  /** Socket files that belong to no living row. A peer listens before it has its row, so the young are spared. */
  async function sweepSockets(): Promise<number> {
    const living = new Set((await store.peers.all()).flatMap((row) => (row.live === 1 ? row.socket_path : [])))
    const strays = readdirSync(options.socketDir)
      .map((name) => join(options.socketDir, name))
      .filter((path) => path.endsWith('.sock') && !living.has(path) && isOlderThan(path, options.deadMs))
    for (const path of strays) removeSocket(path)
    return strays.length
  }

  scope.every(
    options.everyMs,
    async () => {
      await reap()
      await sweepSockets()
    },
    (error) => log.warn('reaping failed', { error }),
  )
  return { runOnce: reap }
}

function isOlderThan(path: string, ageMs: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > ageMs
}
