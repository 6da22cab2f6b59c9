import { silentLog } from '../../src/core/log.ts'
import { Scope } from '../../src/core/scope.ts'
import { startElection } from '../../src/peer/election.ts'
import type { TermGuard } from '../../src/peer/term-guard.ts'
import { eventually } from '../support/eventually.ts'
import { candidate, fakeClock, fakeProcesses, openFakeMesh } from './fakes.ts'

/** So long that no round comes by itself: a test runs every one. */
export const LEASE_MS = 6_000_000
export const ROUND_MS = LEASE_MS / 10

type Lead = Parameters<typeof startElection>[1]['lead']

/** Elections on a real row, with time, processes, links and guards in the test's hands. */
export async function openElection() {
  const processes = fakeProcesses()
  const clock = fakeClock()
  const mesh = await openFakeMesh(processes.isGone, clock)
  const { leadership } = mesh.store
  const guards = new Map<number, { mtime: number; onCompromised: (error: Error) => void }>()
  const pongs = new Map<string, number>()
  const links = new Set<string>()
  const everything = new Scope()

  function join(pid: number, on: { lead?: Lead } = {}) {
    const self = candidate(pid)
    const scope = everything.child()
    /** What this peer did, in order. */
    const said: string[] = []
    const guard: TermGuard = {
      acquire(term, onCompromised) {
        guards.set(term, { mtime: clock.now(), onCompromised })
        return true
      },
      release: (term) => void guards.delete(term),
      sign: (term) => guards.get(term)?.mtime ?? 0,
      sweep: () => 0,
    }
    const election = startElection(scope, {
      leadership,
      doorbell: {
        tell: (target, what) => void said.push(`${what} ${target.peerId}`),
        pongs: (path) => pongs.get(path) ?? 0,
        linked: (path) => links.has(`${self.socketPath} ${path}`),
      },
      guard,
      clock,
      isGone: processes.isGone,
      candidate: () => self,
      leaseMs: LEASE_MS,
      log: silentLog,
      lead:
        on.lead ??
        (async (term, termScope) => {
          said.push(`leads ${term}`)
          termScope.defer(() => said.push(`ended ${term}`))
        }),
    })
    return {
      self,
      said,
      look: () => election.look(),
      runOnce: () => election.runOnce(),
      resign: () => election.resign(),
      stepAside: () => election.stepAside(),
      get leadingTerm() {
        return election.leadingTerm
      },
    }
  }
  type Peer = ReturnType<typeof join>

  return {
    ...mesh,
    processes,
    clock,
    guards,
    join,
    row: () => leadership.read(),
    link: (from: Peer, to: Peer) => void links.add(`${from.self.socketPath} ${to.self.socketPath}`),
    /** The leader shows that it lives. */
    giveSign(sign: 'guard' | 'pong', leader: Peer) {
      const held = guards.get(leadership.read().term)
      if (sign === 'guard' && held) held.mtime++
      if (sign === 'pong') pongs.set(leader.self.socketPath, (pongs.get(leader.self.socketPath) ?? 0) + 1)
    },
    compromise: (term: number) => guards.get(term)?.onCompromised(new Error('removed by somebody')),
    /** Somebody else takes over, for reasons that the leader does not know. */
    usurp: (by: Peer) =>
      leadership.stand(
        by.self,
        { term: leadership.read().term, because: 'hung' },
        { isGone: processes.isGone, guard: () => true },
      ),
    settled: (condition: () => boolean) => eventually(condition, { every: 1 }),
    async [Symbol.asyncDispose]() {
      await everything[Symbol.asyncDispose]()
      mesh[Symbol.dispose]()
    },
  }
}
