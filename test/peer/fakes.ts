import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type { Candidate } from '../../src/core/leadership.ts'
import type { Arrival, ProcessRef } from '../../src/core/peer.ts'
import { openStore } from '../../src/core/store.ts'
import type { Connection, Handlers, Transport } from '../../src/peer/transport.ts'
import { testDir } from '../support/data-dir.ts'

/** What a peer leans on, under a test's control: time, processes, sockets. The file stays real. */

const BOOT = 'this boot'

export function fakeClock(startMs = Date.now()): Clock & { pass(ms: number): void; jump(ms: number): void } {
  let now = startMs
  let up = 1_000_000
  return {
    bootId: BOOT,
    now: () => now,
    uptime: () => up,
    /** Time goes by, on both clocks. */
    pass(ms) {
      now += ms
      up += ms
    },
    /** Somebody sets the wall clock. */
    jump(ms) {
      now += ms
    },
  }
}

const processRef = (pid: number): ProcessRef => ({ pid, startedAt: `start of ${pid}`, bootId: BOOT, pidNamespace: '' })

/** Who is dead; everybody else lives. */
export function fakeProcesses() {
  const dead = new Set<number>()
  return { kill: (pid: number) => void dead.add(pid), isGone: (process: ProcessRef) => dead.has(process.pid) }
}

/** A real file, with nobody ringing. */
export async function openFakeMesh(isGone: (process: ProcessRef) => boolean = () => false, clock = fakeClock()) {
  const dir = testDir()
  const path = join(dir, 'mesh.db')
  const { store, database } = await openStore(path, { clock, staleMs: 30_000, ring: () => {}, isGone })
  return { dir, path, clock, store, database, [Symbol.dispose]: () => database[Symbol.dispose]() }
}

type ListeningArrival = Arrival & { readonly socketPath: string }

export const arrival = (pid: number, more: Partial<ListeningArrival> = {}): ListeningArrival => ({
  kind: 'session',
  agentType: `agent-${pid}`,
  projectPath: '/project',
  gitRoot: null,
  gitBranch: null,
  repo: null,
  process: processRef(pid),
  socketPath: `/sockets/${pid}.sock`,
  ...more,
})

export const candidate = (pid: number): Candidate => ({
  id: `p_${pid}`,
  name: `peer-${pid}`,
  process: processRef(pid),
  socketPath: `/sockets/${pid}.sock`,
})

/** Sockets inside one process. What is sent arrives in a later tick, in order; a stalled reader takes nothing. */
export function memoryTransport() {
  const listeners = new Map<string, { accept(connection: Connection): Handlers; closers: Set<() => void> }>()
  const stalled = new Set<string>()
  const ends: { path: string; pendingBytes: () => number }[] = []

  const transport: Transport = {
    async listen(path, accept) {
      if (listeners.has(path)) throw Object.assign(new Error(`${path} is taken`), { code: 'EADDRINUSE' })
      const closers = new Set<() => void>()
      listeners.set(path, { accept, closers })
      return {
        async [Symbol.asyncDispose]() {
          listeners.delete(path)
          for (const close of closers) close()
        },
      }
    },
    connect(path, handlers) {
      const listener = listeners.get(path)
      let open = true
      let pending = 0
      let far: Handlers | undefined
      const close = (why: 'ended' | 'refused') => {
        if (!open) return
        open = false
        handlers.closed(why)
        far?.closed('ended')
      }
      const end = (to: () => Handlers | undefined, isStalled: () => boolean): Connection => ({
        send(bytes) {
          pending += bytes.length
          if (isStalled()) return
          setImmediate(() => {
            pending -= bytes.length
            if (open) to()?.data(Buffer.from(bytes))
          })
        },
        get pendingBytes() {
          return pending
        },
        end: () => void setImmediate(close, 'ended'),
        close: () => void setImmediate(close, 'ended'),
      })
      ends.push({ path, pendingBytes: () => pending })
      if (listener) {
        listener.closers.add(() => close('ended'))
        far = listener.accept(
          end(
            () => handlers,
            () => false,
          ),
        )
      } else setImmediate(close, 'refused')
      return end(
        () => far,
        () => stalled.has(path),
      )
    },
  }
  return { transport, stalled, ends }
}
