import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSharedPaths } from '../../src/core/nats/path-scheme.ts'
import type { Actor } from '../../src/core/operation.ts'
import { type Caller, call } from '../../src/core/operations.ts'
import type { Sql } from '../../src/core/sql.ts'
import { openStore, type Store } from '../../src/core/store.ts'
import { placeOf } from '../../src/peer/project.ts'
import { bareStore, FakeClock } from './bare-store.ts'
import { testDir } from './data-dir.ts'
import { git as gitIn } from './repository.ts'

/** A machine without its network: what it makes of a mesh that several machines have a copy of. */
export interface Host {
  readonly id: string
  readonly clock: FakeClock
  readonly store: Store
  /** A directory that stands for its disk. */
  readonly disk: string
  /** A clone of the repository that all call `github.com/acme/widgets`, at that place of its disk. */
  clone(at: string): string
  join(directory: string, agentType?: string): Promise<Actor>
  caller(actor: Actor): Caller
}

const NAMES: Readonly<Record<string, string>> = { aaaa: 'laptop', bbbb: 'buildbox' }

/** Two machines and one file, each with clock, clones and paths of its own: the copies as they are when both have caught up. */
export async function twoMachines() {
  const hostName = (_sql: Sql, id: string) => NAMES[id]
  await using file = await bareStore()
  const open = async (id: string): Promise<Host & { close(): void }> => {
    const clock = new FakeClock()
    clock.bootId = `${id}/boot`
    const read = <T>(query: (sql: Sql) => T): T => database.read(query)
    const paths = createSharedPaths({ hostId: id, hostName, read })
    const { store, database } = await openStore(join(file.dir, 'mesh.db'), {
      ...{ clock, paths, hostName, staleMs: 30_000, ring: () => {}, isGone: () => false },
    })
    const disk = testDir()
    mkdirSync(disk, { recursive: true })
    let pid = 0
    return {
      ...{ id, clock, store, disk },
      clone(at) {
        const directory = join(disk, at)
        mkdirSync(directory, { recursive: true })
        const git = (...args: string[]) => gitIn(directory, ...args)
        git('init', '-q', '-b', 'main')
        git('remote', 'add', 'origin', `${id === 'aaaa' ? 'https://github.com/' : 'git@github.com:'}acme/widgets.git`)
        return directory
      },
      async join(directory, agentType = 'test') {
        const process = { pid: ++pid, startedAt: '1', bootId: clock.bootId, pidNamespace: '' }
        const place = placeOf(directory, paths)
        const joined = await store.peers.join({
          ...{ kind: 'session', agentType, ...place, process, socketPath: `/${id}/${pid}` },
        })
        const name = (await store.peers.get(joined.id))?.name ?? ''
        return { id: joined.id, name, agentType, ...place }
      },
      caller: (actor) => (name, input) => call(name, { ...file.context(actor), store, clock }, input),
      close: () => database[Symbol.dispose](),
    }
  }
  const [laptop, buildbox] = [await open('aaaa'), await open('bbbb')]
  buildbox.clock.pass(86_400_000)
  // As the engine makes them.
  writeFileSync(join(file.dir, 'host'), 'aaaa\n')
  return {
    /** The data directory of the laptop's copy, which is the same file. */
    dir: file.dir,
    laptop,
    buildbox,
    async [Symbol.asyncDispose]() {
      laptop.close()
      buildbox.close()
    },
  }
}
