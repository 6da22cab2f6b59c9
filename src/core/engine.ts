import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { ProcessRef } from './peer.ts'
import type { Storage } from './storage.ts'
import { openStore, type Store, type StoreOptions } from './store.ts'

/**
 * What holds the mesh: the file itself, or, with `SLM_MESH_URL`, a log on a NATS server of which the file is this machine's
 * copy. The second is loaded by those who have it only. Whoever stands above knows `Engine`, and not which one it is.
 */
export interface Engine {
  readonly store: Store
  readonly database: Storage
  /** The clock by which lifetimes go: it says which boot of which machine this is. */
  readonly clock: Clock
  readonly isGone: (process: ProcessRef) => boolean
  /** What a mesh of several machines has more; undefined where there is one. */
  readonly shared: Shared | undefined
}

interface Shared {
  readonly hostId: string
  /** Why nothing of the others is seen at the moment, in a sentence; null while they are. */
  outage(): string | null
  /** Whether a peer is one of this machine. */
  isHere(row: { readonly boot_id: string | null }): boolean
  /** Whether a living peer's row still stands for the process with that socket. */
  holds(socketPath: string): boolean
  /** Says what this machine is called, where the others do not know. */
  introduce(): Promise<void>
  /** What the leader of this machine does for the mesh. */
  readonly duties: Duties
}

/** Rounds of a machine's leader. Each throws `unreachable` while the server is away. */
export interface Duties {
  /** Says that this machine lives. */
  beat(): Promise<void>
  /** Ends what other machines have left behind that give no sign of life. Returns how many of them. */
  bury(): Promise<number>
  /** Whether it is this machine that does for all what has to be done once, such as pruning. */
  isFirst(): boolean
  /** Publishes a snapshot and shortens the log, where it is time and ours to do. */
  shorten(): Promise<boolean>
}

export interface EngineOptions extends Omit<StoreOptions, 'isGone' | 'machines'> {
  /** Whether a process has ended for sure, seen from a machine whose boot is called so. */
  readonly isGone: (process: ProcessRef, bootId: string) => boolean
  /** Something has changed on another machine, or by another process. */
  readonly onChange?: () => void
  readonly warn?: (what: string, error: unknown) => void
  /** What is known can be looked at, also where the server cannot be reached. */
  readonly evenAlone?: boolean
}

/** Opens the file at `path` as what the settings say it is. Throws what `Database.open` and `connectMesh` throw. */
export async function openEngine(config: Config, path: string, options: EngineOptions): Promise<Engine> {
  if (config.url !== '') return (await import('./nats/engine.ts')).openShared(config, path, options)
  const { clock } = options
  const isGone = (process: ProcessRef) => options.isGone(process, clock.bootId)
  const { store, database } = await openStore(path, { ...options, isGone })
  return { store, database, clock, isGone, shared: undefined }
}
