import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Bell } from '../../src/core/bell.ts'
import { Claims } from '../../src/core/claims.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { readConfig } from '../../src/core/config.ts'
import { type Engine, openEngine } from '../../src/core/engine.ts'
import { SHARED_TABLES } from '../../src/core/nats/copy.ts'
import type { Actor } from '../../src/core/operation.ts'
import { type Caller, call } from '../../src/core/operations.ts'
import type { Arrival } from '../../src/core/peer.ts'
import { testDir } from './data-dir.ts'

/** One machine of a mesh on NATS, without processes, sockets or elections: its copy, and peers that are rows. */
export interface Machine extends Disposable {
  readonly engine: Engine
  readonly dir: string
  /** How often it was told that something has changed elsewhere. */
  readonly changes: () => number
  /** What it complained of. */
  readonly warnings: string[]
  join(arrival?: Partial<Arrival>): Promise<Actor>
  caller(actor: Actor): Caller
}

let pids = 100_000

export async function machine(
  url: string,
  on: { dir?: string; clock?: Clock; env?: Record<string, string> } = {},
): Promise<Machine> {
  const dir = on.dir ?? testDir()
  mkdirSync(dir, { recursive: true })
  const bell = new Bell()
  const warnings: string[] = []
  let changes = 0
  const config = readConfig({ SLM_MESH_DATA_DIR: dir, SLM_MESH_URL: url, ...on.env })
  const engine = await openEngine(config, join(dir, 'mesh.db'), {
    clock: on.clock ?? systemClock,
    staleMs: config.staleMs,
    ring: () => bell.ring(),
    isGone: () => false,
    onChange: () => {
      changes++
      bell.ring()
    },
    warn: (what, error) => void warnings.push(`${what}: ${error}`),
  })
  const { store, database, clock } = engine
  return {
    engine,
    dir,
    warnings,
    changes: () => changes,
    async join(arrival = {}) {
      const process = { pid: ++pids, startedAt: '1', bootId: clock.bootId, pidNamespace: '' }
      const place = { projectPath: '/project', gitRoot: null, gitBranch: null, repo: null }
      const full = {
        ...({ kind: 'session', agentType: 'test' } as const),
        ...place,
        process,
        socketPath: `/${dir}/${pids}`,
        ...arrival,
      }
      const { id } = await store.peers.join(full)
      const row = await store.peers.get(id)
      return {
        id,
        name: row?.name ?? '',
        agentType: full.agentType,
        projectPath: full.projectPath,
        gitRoot: full.gitRoot,
        repo: full.repo,
      }
    },
    caller:
      (actor) =>
      async (name, input, { signal = new AbortController().signal } = {}) => {
        const after: ((left: boolean) => Promise<void>)[] = []
        const output = await call(
          name,
          {
            ...{ actor, store, clock, bell, carrying: new Claims(), signal },
            ...{ defaults: { lockTtlMinutes: 10 }, spend: () => {}, afterAnswer: (run) => void after.push(run) },
          },
          input,
        )
        for (const run of after) await run(true)
        return output
      },
    [Symbol.dispose]: () => database[Symbol.dispose](),
  }
}

/** Everything of the mesh that a copy holds, without what is of one machine. */
export function contentOf({ engine }: Pick<Machine, 'engine'>): Record<string, unknown[]> {
  return engine.database.read((sql) =>
    Object.fromEntries(
      [...SHARED_TABLES, 'sqlite_sequence', 'copy_position', 'copy_entries'].map((table) => {
        const rows = sql
          .all<Record<string, unknown>>(`SELECT * FROM ${table}`)
          .filter((row) => !(table === 'totals' && row.name === 'elections'))
          .map(({ heartbeat_at: _, heartbeat_uptime: __, ...row }) => row)
        return [table, rows.map((row) => JSON.stringify(row)).sort()]
      }),
    ),
  )
}
