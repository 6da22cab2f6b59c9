import { systemClock } from '../core/clock.ts'
import { openDataDir } from '../core/paths.ts'
import type { Store } from '../core/store.ts'
import { ringOnce } from '../peer/from-outside.ts'
import { isGone } from '../peer/process-identity.ts'
import type { Desk } from './command.ts'

/** The store itself, for a command that needs more of it than there are operations; whether or not somebody leads. */
export async function storeHere({ config, scope }: Pick<Desk, 'config' | 'scope'>): Promise<Store> {
  const { openStore } = await import('../core/store.ts')
  const ring = ({ socketPath }: { socketPath: string }) => scope.defer(ringOnce(socketPath))
  const { store, database } = await openStore(openDataDir(config.dataDir).database, {
    ...{ clock: systemClock, staleMs: config.staleMs, ring, isGone },
  })
  scope.defer(() => database[Symbol.dispose]())
  return store
}
