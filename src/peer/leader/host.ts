import type { Duties } from '../../core/engine.ts'
import { isFailure } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Scope } from '../../core/scope.ts'

/** What a machine's leader does for a mesh of several: says that the machine lives, and ends machines that do not (core/nats/hosts.ts). */

/** The others wait for three of them, so two may get lost. */
const BEAT_EVERY_MS = 10_000
const BURY_EVERY_MS = 2_000
const SHORTEN_EVERY_MS = 30_000

export function startHost(scope: Scope, duties: Duties, log: Log): void {
  // That the server is away is known, and said where somebody asks.
  const failed = (what: string) => (error: unknown) => {
    if (!isFailure(error, 'unreachable')) log.warn(what, { error })
  }
  const beat = () => duties.beat()
  void beat().catch(failed('the first beat of this machine failed'))
  scope.every(BEAT_EVERY_MS, beat, failed('a beat of this machine failed'))
  scope.every(
    BURY_EVERY_MS,
    async () => {
      const ended = await duties.bury()
      if (ended > 0) log.info('machines that gave no sign of life were ended', { ended })
    },
    failed('the look after other machines failed'),
  )
  scope.every(
    SHORTEN_EVERY_MS,
    async () => {
      if (await duties.shorten()) log.info('a snapshot was published, and the log shortened')
    },
    failed('the log could not be shortened'),
  )
}
