import type { Clock } from '../core/clock.ts'
import { processOf, socketOf } from '../core/identity.ts'
import type { Log } from '../core/log.ts'
import { removeSocket } from '../core/paths.ts'
import type { ProcessRef } from '../core/peer.ts'
import { type Scope, sleep } from '../core/scope.ts'
import type { Store } from '../core/store.ts'

/**
 * Alive → stale → gone.
 *
 * A closed link is the fast evidence and means "look": the peer may have left, crashed, or merely closed it. Dead is
 * only what is proven dead, by its process; then its row ends, its locks are freed and those who wait are rung (G5).
 * Any peer that notices may do this; the row's transaction lets exactly one of them be the one. A peer that hangs
 * without dying is shown as stale by the age of its heartbeat and given up by the leader's reaper.
 */

/** A killed process may take this long to be gone after its sockets have closed: its memory is torn down first. */
const MAX_EXITING_MS = 300
const EXITING_LOOK_MS = 1
/** So many beats without one in the file are a gap: this process slept, or nobody could write. */
const LATE_BEATS = 2

interface MembershipOptions {
  readonly store: Pick<Store, 'peers'>
  readonly clock: Clock
  readonly isGone: (process: ProcessRef) => boolean
  readonly self: () => { id: string; socketPath: string }
  readonly heartbeatMs: number
  readonly log: Log
  /** The row is no longer ours: we were given up for dead while we hung. */
  readonly onLost: () => Promise<void>
  readonly onHeartbeat: () => void
}

export interface Membership {
  /** Evidence that a peer may be gone. Resolves to true where it was, and this call ended it. */
  look(peer: { peerId: string; socketPath: string }): Promise<boolean>
  heartbeat(): Promise<void>
  /**
   * Since when, by the boot clock, our own beats have reached the file without a gap; now, while they do not. Others'
   * silence before that says nothing of them: on a full disk, or behind a writer that is stopped, nobody's beats do.
   */
  beatingSince(): number
}

export function startMembership(scope: Scope, options: MembershipOptions): Membership {
  const { store, clock, log } = options
  const looking = new Map<string, Promise<boolean>>()

  async function look(peer: { peerId: string; socketPath: string }): Promise<boolean> {
    const deadline = clock.uptime() + MAX_EXITING_MS
    for (;;) {
      const row = await store.peers.get(peer.peerId)
      if (!row || row.live === 0 || row.socket_path !== peer.socketPath) return false
      if (options.isGone(processOf(row))) {
        const ended = await store.peers.end(peer.peerId, 'crashed', peer.socketPath)
        if (ended) {
          log.info('peer crashed', { peer: row.name, crashedPid: row.pid })
          const socket = socketOf(row)
          if (socket) removeSocket(socket)
        }
        return ended
      }
      if (clock.uptime() > deadline || scope.signal.aborted) return false
      await sleep(EXITING_LOOK_MS, scope.signal)
    }
  }

  let beat = { since: clock.uptime(), at: clock.uptime() }
  const sinceAt = (now: number) => (now - beat.at > LATE_BEATS * options.heartbeatMs ? now : beat.since)

  async function heartbeat(): Promise<void> {
    const { id, socketPath } = options.self()
    const isOurs = await store.peers.heartbeat(id, socketPath)
    const at = clock.uptime()
    beat = { since: sinceAt(at), at }
    if (!isOurs) await options.onLost()
    options.onHeartbeat()
  }

  scope.every(options.heartbeatMs, heartbeat, (error) => log.warn('heartbeat failed', { error }))

  return {
    heartbeat,
    beatingSince: () => sinceAt(clock.uptime()),
    look(peer) {
      const known = looking.get(peer.socketPath)
      if (known) return known
      const started = look(peer).finally(() => looking.delete(peer.socketPath))
      looking.set(peer.socketPath, started)
      return started
    },
  }
}
