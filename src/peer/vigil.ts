import type { Bell } from '../core/bell.ts'
import type { Clock } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import type { Log } from '../core/log.ts'
import { exists, makeSocketDir, openDataDir } from '../core/paths.ts'
import type { Scope } from '../core/scope.ts'
import type { Recovery } from '../core/sqlite/recovery.ts'
import type { Storage } from '../core/storage.ts'
import type { Doorbell } from './doorbell.ts'

/** How often a peer asks whether it has missed a ring, or lost its file or its socket. Each look costs 10 µs. */
const VIGIL_MS = 1_000
/** How soon it tries again to have a damaged file replaced, where that was refused. */
const REFUSED_MS = 30_000

/** The safety net under the doorbell: rings that were missed, a file that was replaced, a socket that was removed. */
export function startVigil(
  scope: Scope,
  on: {
    config: Config
    database: Storage
    doorbell: Doorbell
    bell: Bell
    clock: Clock
    log: Log
    socketPath: string
    onReplaced: () => Promise<void>
    onRecovery: (recovery: Recovery) => void
  },
): void {
  let version = on.database.dataVersion()
  let recovery = on.database.recovery
  let refusedUntil = 0
  const move = async () => {
    const isReplaced = on.database.replaced()
    if (!isReplaced && !(on.database.isDamaged && on.clock.uptime() >= refusedUntil)) return
    on.log.warn(
      isReplaced
        ? 'the database was replaced or deleted under this process: moving to the one at its path'
        : 'the database is damaged: moving it aside, and to a new one',
    )
    openDataDir(on.config.dataDir) // which may be gone as well, or be another now
    refusedUntil = on.clock.uptime() + REFUSED_MS
    await on.onReplaced()
    refusedUntil = 0
    if (on.database.recovery && on.database.recovery !== recovery) on.onRecovery(on.database.recovery)
    recovery = on.database.recovery
  }
  let moving: Promise<void> | undefined
  const moveOnce = () => {
    moving ??= move().finally(() => {
      moving = undefined
    })
    return moving
  }
  on.database.onDamage = () => void moveOnce().catch((error: unknown) => on.log.error('the damaged database stays', { error }))
  const look = async () => {
    await moveOnce()
    const now = on.database.dataVersion()
    if (now !== version) on.bell.ring()
    version = now
    if (process.platform !== 'win32' && !exists(on.socketPath)) {
      makeSocketDir(on.socketPath)
      await on.doorbell.relisten()
    }
  }
  scope.every(VIGIL_MS, look, (error) => on.log.warn('vigil failed', { error }))
}
