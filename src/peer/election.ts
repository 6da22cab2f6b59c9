import type { Clock } from '../core/clock.ts'
import type { Candidate, Leadership, LeadershipRow } from '../core/leadership.ts'
import type { Log } from '../core/log.ts'
import type { ProcessRef } from '../core/peer.ts'
import { type Scope, sleep } from '../core/scope.ts'
import type { Doorbell } from './doorbell.ts'
import type { TermGuard } from './term-guard.ts'

/**
 * Follower ⇄ leader.
 *
 * **Who is authoritative.** The term row, alone. A candidate moves it from the term that it judged to be over to the
 * next one, in a transaction that fails if the term has moved meanwhile; SQLite lets one candidate through. The guard
 * directory of the new term is taken inside that transaction. A crowd may stand at once: the others read the new row
 * and follow.
 *
 * **When a follower stands.** At once where the row is vacant, or its process is provably gone (pid, start time and
 * boot; a closed link is what makes it look). Where the process lives but hangs: only after half a lease in which
 * neither the guard's mtime changed nor a pong came, by the follower's own clock and in rounds of its own: one that comes
 * late counts as one, for the follower may have slept itself, and after a very late one it starts to observe anew. So neither
 * a clock's jump nor a sleep of the whole machine, short or long, moves the leadership.
 *
 * **What a leader may do.** Before every act it reads the row, and whatever it writes is fenced by its term (G3). A
 * leader that finds the term moved on, or its guard compromised, stops serving before anything else and follows.
 *
 * **Handing on.** A leader that is asked to step aside leaves the row vacant, and does not stand again until somebody
 * else has led in a later term, or one lease has passed: others come first, and nobody for good is no outcome.
 *
 * **On failure.** A candidate that dies inside the transaction leaves at most a guard directory, which the next one
 * removes. A leader that dies leaves a row whose process is gone. A full disk or a suspended writer can keep the row
 * from moving: then nobody leads, and peers go on without, for they never need the leader.
 */

/** A round is late, and its observer has slept, when it comes this many rounds after the last. */
const LATE_ROUNDS = 3
/** The guard moves about once a round; a follower pings a leader whose guard has been still for longer. */
const QUIET_ROUNDS = 1.5
/** How long a process may take to be gone after its link has closed. */
const MAX_EXITING_MS = 300

export interface Evidence {
  /** For how long, by our own clock and without our own sleep, the leader has given no sign of life. */
  readonly silentMs: number
  readonly hangMs: number
}

export type Verdict = 'lead' | 'follow' | { stand: 'vacant' | 'dead' | 'hung' }

/** What to do about the row. Pure but for the look at a process. */
export function judge(
  row: Pick<Leadership, 'term' | 'peer'>,
  self: { socketPath: string; leadingTerm: number | null },
  isGone: (process: ProcessRef) => boolean,
  evidence: Evidence,
): Verdict {
  if (row.peer === null) return { stand: 'vacant' }
  if (row.peer.socketPath === self.socketPath) return row.term === self.leadingTerm ? 'lead' : { stand: 'hung' }
  if (isGone(row.peer.process)) return { stand: 'dead' }
  return evidence.silentMs >= evidence.hangMs ? { stand: 'hung' } : 'follow'
}

/** Measures a leader's silence by the observer's own clock, as far as the observer was surely awake. */
export function createObserver(roundMs: number) {
  let seen = { sign: '', silentMs: 0, roundAt: 0 }
  return {
    /** Called once a round, or oftener, with everything that moves while the leader lives. Returns ms without a movement. */
    observe(sign: string, now: number): number {
      const passed = now - seen.roundAt
      const startsAnew = sign !== seen.sign || passed > LATE_ROUNDS * roundMs
      seen = { sign, silentMs: startsAnew ? 0 : seen.silentMs + Math.min(passed, roundMs), roundAt: now }
      return seen.silentMs
    },
  }
}

interface ElectionOptions {
  readonly leadership: LeadershipRow
  readonly doorbell: Pick<Doorbell, 'tell' | 'pongs' | 'linked'>
  readonly guard: TermGuard
  readonly clock: Pick<Clock, 'uptime'>
  readonly isGone: (process: ProcessRef) => boolean
  readonly candidate: () => Candidate
  readonly leaseMs: number
  readonly log: Log
  /** Takes up the leader's duties; everything it starts belongs to `scope`, which closes when the term is over. */
  readonly lead: (term: number, scope: Scope, stepDown: (why: string) => void) => Promise<void>
}

export interface Election {
  /** Something may have happened to the leader: look now rather than at the next round. */
  look(): void
  readonly leadingTerm: number | null
  /** One round; returns what it decided. */
  runOnce(): Promise<Verdict>
  /** Gives the leadership up, if it is ours, so that another takes it at once. True where it was. */
  resign(): Promise<boolean>
  /** Gives the leadership up like `resign`, and lets everybody else go first. True where it was ours. */
  stepAside(): Promise<boolean>
}

export function startElection(scope: Scope, options: ElectionOptions): Election {
  const { leadership, doorbell, guard, clock, log } = options
  const roundMs = options.leaseMs / 5
  const observer = createObserver(roundMs)
  let leading: { term: number; scope: Scope } | null = null
  let round: Promise<Verdict> | null = null
  let again = false
  let resigned = false
  /** The term that was handed on, and until when, by the boot clock, the others go first. */
  let aside: { term: number; until: number } | null = null

  async function decide(): Promise<Verdict> {
    const self = options.candidate()
    const row = leadership.read()
    const ours = { socketPath: self.socketPath, leadingTerm: leading?.term ?? null }
    const sign = row.peer ? `${row.term} ${guard.sign(row.term)} ${doorbell.pongs(row.peer.socketPath)}` : ''
    const silentMs = observer.observe(sign, clock.uptime())
    const verdict = judge(row, ours, options.isGone, { silentMs, hangMs: options.leaseMs / 2 })
    if (verdict !== 'lead' && leading) await stepDown('the term has moved on')
    if (verdict === 'follow' && row.peer) {
      const { id, socketPath } = row.peer
      // The guard's mtime is sign enough while it moves; the link is there for its closing.
      if (!doorbell.linked(socketPath) || silentMs > QUIET_ROUNDS * roundMs) doorbell.tell({ peerId: id, socketPath }, 'ping')
    }
    if (aside && (row.term > aside.term || clock.uptime() >= aside.until)) aside = null
    if (typeof verdict === 'object' && !aside && !resigned && !scope.signal.aborted) await stand(self, row.term, verdict.stand)
    return verdict
  }

  async function stand(self: Candidate, seenTerm: number, because: 'vacant' | 'dead' | 'hung'): Promise<void> {
    let taken: number | undefined
    const term = await leadership
      .stand(
        self,
        { term: seenTerm, because },
        {
          isGone: options.isGone,
          guard: (next) => {
            const won = guard.acquire(next, (error) => void stepDown(`its guard was compromised: ${error.message}`, next))
            if (won) taken = next
            return won
          },
        },
      )
      .catch((error: unknown) => {
        if (taken !== undefined) guard.release(taken)
        throw error
      })
    if (term === undefined) {
      again = leadership.read().term !== seenTerm // somebody else was faster: follow them now
      return
    }
    log.info('elected', { term, because })
    const mine = { term, scope: scope.child() }
    leading = mine
    mine.scope.defer(() => guard.release(term))
    guard.sweep(term)
    options
      .lead(term, mine.scope, (why) => void stepDown(why, term))
      .catch((error: unknown) => {
        if (mine.scope.signal.aborted) return // the term ended while its duties were being taken up
        log.error('could not take up the leadership', { term, error })
        // A program that was replaced under its process, say: the others go first, and it does not try without pause.
        aside = { term, until: clock.uptime() + options.leaseMs }
        void stepDown('its duties could not be started', term)
      })
  }

  /** Stops serving first, then leaves the row vacant if it is still ours. True where this call did it. */
  async function stepDown(why: string, term = leading?.term): Promise<boolean> {
    const ended = leading
    if (!ended || ended.term !== term) return false
    leading = null
    log.info('stepped down', { term, why })
    const problem = (what: string) => (error: unknown) => log.warn(what, { error, term })
    await ended.scope[Symbol.asyncDispose]().catch(problem('could not end all duties'))
    await leadership.resign(ended.term, options.candidate().socketPath).catch(problem('could not resign'))
    return true
  }

  function runOnce(): Promise<Verdict> {
    round ??= decide().finally(() => {
      round = null
      if (again && !scope.signal.aborted) {
        again = false
        void runOnce().catch(onError)
      }
    })
    return round
  }

  /** A closed link is noticed before the process behind it is quite gone: look closely for a while. */
  async function lookClosely(): Promise<void> {
    const until = clock.uptime() + MAX_EXITING_MS
    const term = leadership.read().term
    do {
      if (round) again = true
      if ((await runOnce()) !== 'follow') return
      await sleep(1, scope.signal)
    } while (clock.uptime() < until && leadership.read().term === term && !scope.signal.aborted)
  }

  const onError = (error: unknown) => log.warn('election round failed', { error })
  scope.every(roundMs, runOnce, onError)
  scope.defer(async () => {
    if (leading) await leading.scope[Symbol.asyncDispose]()
  })

  let looking = false
  return {
    look() {
      if (looking) return
      looking = true
      void lookClosely()
        .catch(onError)
        .finally(() => {
          looking = false
        })
    },
    get leadingTerm() {
      return leading?.term ?? null
    },
    runOnce,
    async resign() {
      resigned = true
      // A round that is standing now may still win: what it wins is given up as well.
      await round?.catch(() => {})
      return stepDown('this peer is leaving')
    },
    async stepAside() {
      await round?.catch(() => {})
      if (!leading) return false
      // Noted before the row is vacant: a round of ours may come in between.
      aside = { term: leading.term, until: clock.uptime() + options.leaseMs }
      return stepDown('it was asked to hand the leadership on')
    },
  }
}
