import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Bell } from '../../src/core/bell.ts'
import { Claims } from '../../src/core/claims.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Actor, Context } from '../../src/core/operation.ts'
import { type Caller, call } from '../../src/core/operations.ts'
import type { Arrival, ProcessRef } from '../../src/core/peer.ts'
import type { Database } from '../../src/core/sqlite/database.ts'
import { openStore, type Store } from '../../src/core/store.ts'
import { testDir } from './data-dir.ts'

/** A clock that stands still until a test moves it: its two hands together, or the wall clock alone (a jump). */
export class FakeClock implements Clock {
  bootId = 'this boot'
  #now = Date.UTC(2026, 0, 1)
  #uptime = 1_000_000
  now = () => this.#now
  uptime = () => this.#uptime

  pass(ms: number): void {
    this.#now += ms
    this.#uptime += ms
  }

  jump(ms: number): void {
    this.#now += ms
  }
}

/** The store without processes, sockets or elections: the real file, a fake clock, and peers that are rows. */
export interface BareStore extends AsyncDisposable {
  readonly dir: string
  readonly store: Store
  readonly database: Database
  readonly clock: FakeClock
  /** Which peers were rung, in order. */
  readonly rung: string[]
  /** Processes that have ended. */
  readonly gone: Set<number>
  join(arrival?: Partial<Arrival>): Promise<Actor>
  leave(actor: Actor): Promise<void>
  /** Copies the first message so often, under ids of their own: a full mailbox, without the time to fill it. */
  copyMail(copies: number): Promise<void>
  /** Calls as that actor; what an answer carried is settled by `left`, at once. */
  caller(actor: Actor, left?: () => boolean): Caller
  /** What an operation leans on, for that actor. */
  context(actor: Actor, door?: Partial<Context>): Context
}

/** `bootId`: with a host, as on a mesh of several machines. */
export async function bareStore(bootId = 'this boot'): Promise<BareStore> {
  const dir = testDir()
  mkdirSync(dir, { recursive: true })
  const clock = new FakeClock()
  clock.bootId = bootId
  const rung: string[] = []
  const gone = new Set<number>()
  const isGone = ({ pid }: ProcessRef) => gone.has(pid)
  const ring = ({ peerId }: { peerId: string }) => void rung.push(peerId)
  const { store, database } = await openStore(join(dir, 'mesh.db'), { clock, staleMs: 30_000, ring, isGone })
  const sockets = new Map<string, string | null>()
  let pid = 0
  const context = (actor: Actor, door: Partial<Context> = {}): Context => ({
    ...{ actor, store, clock, bell: new Bell(), carrying: new Claims(), signal: new AbortController().signal },
    ...{ defaults: { lockTtlMinutes: 10 }, spend: () => {}, afterAnswer: () => {} },
    ...door,
  })
  return {
    dir,
    context,
    store,
    database,
    clock,
    rung,
    gone,
    async join(arrival = {}) {
      const process = { pid: ++pid, startedAt: '1', bootId: clock.bootId, pidNamespace: '' }
      const place = { projectPath: '/project', gitRoot: null, gitBranch: null, repo: null }
      const full: Arrival = { kind: 'session', agentType: 'test', ...place, process, socketPath: `/sock/${pid}`, ...arrival }
      const { id } = await store.peers.join(full)
      sockets.set(id, full.socketPath)
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
    async copyMail(copies) {
      await database.write((tx) => {
        const columns = tx
          .all<{ name: string }>("SELECT name FROM pragma_table_info('messages')")
          .map(({ name }) => name)
          .filter((name) => name !== 'seq')
        const values = columns.map((name) => (name === 'id' ? "id || '-' || number" : name))
        tx.run(
          `WITH RECURSIVE copies(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copies WHERE number < ?)
           INSERT INTO messages (${columns}) SELECT ${values} FROM (SELECT * FROM messages LIMIT 1), copies`,
          copies,
        )
      })
    },
    async leave(actor) {
      await store.peers.end(actor.id, 'left', sockets.get(actor.id) ?? null)
    },
    caller(actor, left = () => true) {
      const bell = new Bell()
      const carrying = new Claims()
      return async (name, input, { signal = new AbortController().signal } = {}) => {
        const after: ((left: boolean) => Promise<void>)[] = []
        const output = await call(
          name,
          context(actor, { bell, carrying, signal, afterAnswer: (run) => void after.push(run) }),
          input,
        )
        for (const run of after) await run(left())
        return output
      }
    },
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]()
    },
  }
}
