import { type Random, randomFrom } from './random.ts'

/**
 * A whole schedule, made of its seed: what every peer does, and what happens to them and when. Pure, so that a seed
 * replays; how the processes interleave is the machine's own, so a replay may take a few runs to fail again.
 */

/** One thing that a peer does, `after` so many ms of rest. */
export type Step = { readonly after: number } & (
  | {
      readonly act: 'send'
      readonly to: readonly string[] /** So many at once, without waiting for answers. */
      readonly burst: number
    }
  | { readonly act: 'read'; readonly limit: number; readonly wait: number }
  | { readonly act: 'follow'; readonly limit: number; readonly wait: number }
  | {
      readonly act: 'lock'
      readonly path: string
      readonly wait: number
      readonly holdMs: number
      /** Does not give it back: a later step, the end of the schedule or the peer's death does. */
      readonly keep: boolean
    }
  | { readonly act: 'unlock' | 'query'; readonly path: string }
  | { readonly act: 'increment' | 'get' | 'overwrite' | 'compare'; readonly key: string }
  | { readonly act: 'announce' }
)

/** Who leads at that moment, where it is not somebody in particular. */
export const LEADER = '*leader'

export type Fault = { readonly at: number } & (
  | {
      readonly what: 'kill'
      readonly peer: string /** Until it is started again, under the same name. */
      readonly downMs: number
    }
  | {
      readonly what: 'stop'
      readonly peer: string
      readonly forMs: number /** It is killed instead of continued. */
      readonly dies: boolean
    }
  | { readonly what: 'clock'; readonly peer: string; readonly jumpMs: number }
  | { readonly what: 'fill'; readonly forMs: number }
)

export interface Plan {
  readonly seed: number
  readonly durationMs: number
  /** Each peer's lanes, which go on side by side, as calls of one client do. */
  readonly peers: readonly { readonly name: string; readonly lanes: readonly (readonly Step[])[] }[]
  readonly faults: readonly Fault[]
}

export interface PlanOptions {
  readonly peers: readonly string[]
  /** Those that are never killed. */
  readonly spared?: readonly string[]
  /** Those whose clock can be moved. */
  readonly clocks: readonly string[]
  readonly durationMs: number
  /** The mean rest of a lane between two steps. */
  readonly restMs: number
  /** The mean time between two faults. */
  readonly faultEveryMs: number
  /** How often the leader is meant, where somebody is killed or stopped. */
  readonly leaderBias: number
  readonly canFill: boolean
}

export const PATHS = ['/raced/a', '/raced/b', '/raced/c']
export const COUNTERS = ['counter']
export const KEYS = ['x', 'y', ...COUNTERS]
const DAY = 86_400_000
const JUMPS = [DAY, -DAY, 3_000, -3_000, 40_000, -700]

export function plan(seed: number, options: PlanOptions): Plan {
  const random = randomFrom(seed)
  const lanes = (name: string) => {
    const others = options.peers.filter((peer) => peer !== name)
    return [stepsOf(options, random, () => work(random, others)), stepsOf(options, random, () => reading(random))]
  }
  return {
    seed,
    durationMs: options.durationMs,
    peers: options.peers.map((name) => ({ name, lanes: lanes(name) })),
    faults: faultsOf(options, random),
  }
}

/** As many as a lane can take at most. */
function stepsOf({ durationMs, restMs }: PlanOptions, random: Random, make: () => DistributiveOmit<Step, 'after'>): Step[] {
  const steps: Step[] = []
  for (let at = 0; at < durationMs; ) {
    const after = Math.round(-Math.log(1 - random.next()) * restMs)
    at += after + 1
    steps.push({ after, ...make() })
  }
  return steps
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

function work(random: Random, others: readonly string[]): DistributiveOmit<Step, 'after'> {
  const key = random.pick(KEYS)
  const path = random.pick(PATHS)
  const at = random.next()
  if (at < 0.3) {
    const to = random.chance(0.7) ? [random.pick(others)] : random.some(others, random.int(2, others.length))
    return { act: 'send', to, burst: random.chance(0.2) ? random.int(2, 6) : 1 }
  }
  if (at < 0.5)
    return {
      act: 'lock',
      path,
      wait: random.chance(0.5) ? random.int(1, 6) / 10 : 0,
      holdMs: random.int(0, 40),
      keep: random.chance(0.15),
    }
  if (at < 0.55) return { act: 'unlock', path }
  if (at < 0.6) return { act: 'query', path }
  if (at < 0.72) return { act: 'increment', key: random.pick(COUNTERS) }
  // Counters are counted up only.
  const plain = key === COUNTERS[0] ? 'x' : key
  if (at < 0.79) return { act: 'overwrite', key: plain }
  if (at < 0.86) return { act: 'compare', key: plain }
  if (at < 0.93) return { act: 'get', key }
  return { act: 'announce' }
}

function reading(random: Random): DistributiveOmit<Step, 'after'> {
  const wait = random.chance(0.5) ? random.int(1, 5) / 10 : 0
  return { act: random.chance(0.7) ? 'read' : 'follow', limit: random.pick([1, 2, 5, 100]), wait }
}

function faultsOf(options: PlanOptions, random: Random): Fault[] {
  const { durationMs, faultEveryMs, peers, spared = [], clocks, leaderBias } = options
  const faults: Fault[] = []
  const mortal = peers.filter((peer) => !spared.includes(peer))
  let fills = options.canFill ? 1 : 0 // filling a disk keeps everybody from everything
  for (let at = random.int(50, faultEveryMs); at < durationMs; at += Math.round(faultEveryMs * (0.3 + 1.4 * random.next()))) {
    const dice = random.next()
    if (dice < 0.4) {
      const all = mortal.length === peers.length && random.chance(0.04)
      const victims = all ? mortal : [random.chance(leaderBias) ? LEADER : random.pick(mortal)]
      for (const peer of victims) faults.push({ at, what: 'kill', peer, downMs: random.chance(0.7) ? 0 : random.int(1, 800) })
    } else if (dice < 0.75) {
      const long = random.next()
      const forMs = long < 0.5 ? random.int(2, 80) : long < 0.8 ? random.int(80, 900) : random.int(900, 4_000)
      const peer = random.chance(leaderBias) ? LEADER : random.pick(peers)
      faults.push({ at, what: 'stop', peer, forMs, dies: !spared.includes(peer) && random.chance(0.15) })
    } else if (dice < 0.92 || fills === 0) {
      if (clocks.length > 0) faults.push({ at, what: 'clock', peer: random.pick(clocks), jumpMs: random.pick(JUMPS) })
    } else {
      fills--
      // Sometimes for longer than a peer may be silent.
      faults.push({ at, what: 'fill', forMs: random.chance(0.7) ? random.int(100, 900) : random.int(900, 4_000) })
    }
  }
  return faults
}
