import { systemClock } from '../core/clock.ts'
import { openDataDir } from '../core/paths.ts'
import type { Store } from '../core/store.ts'
import { ringOnce } from '../peer/from-outside.ts'
import { isGoneSeenFrom } from '../peer/process-identity.ts'
import type { Desk } from './command.ts'

/** The store itself, for a command that needs more of it than there are operations; whether or not somebody leads. */
export async function storeHere({ config, scope }: Pick<Desk, 'config' | 'scope'>): Promise<Store> {
  const { openEngine } = await import('../core/engine.ts')
  const ring = ({ socketPath }: { socketPath: string }) => scope.defer(ringOnce(socketPath))
  const { store, database } = await openEngine(config, openDataDir(config.dataDir).database, {
    ...{ clock: systemClock, staleMs: config.staleMs, ring, isGone: isGoneSeenFrom },
  })
  scope.defer(() => database[Symbol.dispose]())
  return store
}
