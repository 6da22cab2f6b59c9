import { dirname } from 'node:path'
import type { Bell } from '../../core/bell.ts'
import type { Clock } from '../../core/clock.ts'
import type { Config } from '../../core/config.ts'
import type { Duties } from '../../core/engine.ts'
import type { Log } from '../../core/log.ts'
import type { Layout } from '../../core/paths.ts'
import type { ProcessRef } from '../../core/peer.ts'
import { writePrivately } from '../../core/private-file.ts'
import type { Scope } from '../../core/scope.ts'
import type { Storage } from '../../core/storage.ts'
import type { Store } from '../../core/store.ts'
import { createFront } from './health.ts'
import { startHost } from './host.ts'
import { startHttp } from './http.ts'
import { startJanitor } from './janitor.ts'
import { startReaper } from './reaper.ts'
import { writeToken } from './token.ts'

interface LeaderOptions {
  readonly term: number
  readonly store: Store
  readonly database: Storage
  readonly config: Config
  readonly layout: Layout
  readonly clock: Clock
  readonly self: () => { id: string; socketPath: string }
  readonly isGone: (process: ProcessRef) => boolean
  readonly beatingSince: () => number
  readonly log: Log
  readonly onDeposed: () => void
  /** What this machine does for a mesh of several. */
  readonly duties?: Duties
  /** Why it cannot be seen as it is now, in a sentence; null where it can. */
  readonly outage?: () => string | null
  readonly bell: Bell
  /** Gives the leadership up, for the others to go first; resolves once they have been told. Ends this term's scope. */
  readonly handOn: () => Promise<void>
}

const HOUR_MS = 3_600_000

/** Takes up the duties of a term. All of them end with `scope`. */
export async function startLeader(scope: Scope, options: LeaderOptions): Promise<void> {
  const { term, store, database, config, layout, clock, self, isGone, beatingSince, log } = options
  const { socketPath } = self()
  // Files are written under the fence, too: whoever was stopped since its election must not overwrite its successor's (G3).
  const token = await store.leadership.fencedHere(term, socketPath, () => writeToken(layout.token))
  await startHttp(scope, {
    host: config.host,
    port: config.port,
    handler: createFront({
      ...{ term, token: token.token, startedAt: clock.uptime(), uptime: () => clock.uptime() },
      isLeading: () => store.leadership.isLeading(term, socketPath),
      onDeposed: options.onDeposed,
      loadRoutes: async () => {
        const { createRoutes } = await import('./routes.ts')
        const selfId = () => self().id
        const { bell, handOn } = options
        const outage = options.outage ?? (() => null)
        const own = { term, token: token.token, selfId, signal: scope.signal }
        return createRoutes({ ...own, store, clock, config, log, bell, outage, handOn })
      },
      onUnable: (error) => {
        log.error('the routes could not be loaded: was the program replaced? another session is asked to lead', { error })
        options.handOn().catch((problem: unknown) => log.warn('could not hand on', { error: problem }))
      },
    }),
    onPort: async (port) => {
      await store.leadership.publish(term, socketPath, port, token.hash)
      await store.leadership.fencedHere(term, socketPath, () => writePrivately(layout.port, `${port}\n`))
      if (port !== config.port && config.port !== 0)
        log.warn('the port is taken by another program', { wanted: config.port, port })
    },
    onError: (error) => log.warn('could not move to the home port', { error }),
  })
  const janitor = {
    store,
    database,
    leadership: store.leadership,
    clock,
    term,
    socketPath,
    messageTtlMs: config.messageTtlHours * HOUR_MS,
    eventTtlMs: config.eventTtlHours * HOUR_MS,
    isFirst: () => options.duties?.isFirst() ?? true,
    log,
  }
  startJanitor(scope, janitor)
  if (options.duties) startHost(scope, options.duties, log)
  const { deadMs, leaseMs } = config
  const reaper = startReaper(scope, {
    store,
    clock,
    isGone,
    beatingSince,
    selfId: () => self().id,
    socketDir: process.platform === 'win32' ? layout.sockets : dirname(socketPath),
    deadMs,
    everyMs: Math.min(leaseMs, deadMs / 4),
    log,
  })
  await reaper.runOnce()
}
