import { type Grant, problemsOf } from '../../support/lock-history.ts'
import { describe, type Event, type History, type Op, opsOf, refusal, told } from '../history.ts'
import { type Account, againstTime, ofType, type Placed } from './account.ts'
import { BEATS_MS, mayBeGivenUp } from './members.ts'

/**
 * Each path is a lock, and linearizable: grant, end, grant, with tokens that grow. Whoever renewed it, saw it held or was
 * refused did so while it was held; a lock ends because its holder gave it back, was killed, or hung for longer than is
 * allowed; never by itself, for no schedule lasts as long as a lock.
 */

const TTL_MS = 600_000
interface Hold {
  readonly token: number
  readonly peer: string
  end?: Event
}

export function checkLocks(history: History, account: Account): string[] {
  const ops = opsOf(history.ops, 'lock', 'unlock', 'query')
  const paths = new Set(ops.map(({ call }) => call.path))
  return [...paths].flatMap((path) => {
    const mine = ops.filter(({ call }) => call.path === path)
    const { holds, problems } = holdsOf(history, account, path)
    return [...problems, ...asTold(mine, holds, account), ...asCallersSawIt(mine, history)]
  })
}

function holdsOf(history: History, account: Account, path: string) {
  const problems: string[] = []
  const holds: Hold[] = []
  for (const event of ofType(history.log, 'file_locked', 'file_unlocked')) {
    if (event.payload.filePath !== path) continue
    const last = holds.at(-1)
    if (event.type === 'file_locked') {
      if (last && !last.end) problems.push(`${path}: two holders: ${last.peer} by ${last.token} and ${event.by} by ${event.seq}`)
      holds.push({ token: event.seq, peer: event.by ?? '' })
    } else if (!last || last.end || event.payload.token !== last.token)
      problems.push(`${path}: ${event.seq} ends ${event.payload.token}, which nobody held`)
    else {
      last.end = event
      if (!mayEnd(history, account, last, event))
        problems.push(`${path}: taken from ${last.peer} for no reason: ${JSON.stringify(event)}`)
    }
  }
  const left = holds.find(({ end }) => !end)
  if (left) problems.push(`${path}: ${left.peer} still holds it by ${left.token}`)
  return { holds, problems }
}

function mayEnd(history: History, account: Account, hold: Hold, end: Event): boolean {
  const { reason } = end.payload
  if (reason === 'released') return true // and somebody asked for it, as the account has seen to
  return reason === 'crashed' && mayBeGivenUp(history, hold.peer, account, end.seq, hold.token)
}

/** Every answer fits a hold, or a time without one. */
function asTold(ops: readonly Op[], holds: readonly Hold[], { opOf, earliest, latest }: Account): string[] {
  const problems: string[] = []
  const placed: Placed[] = []
  const place = (at: number, op: Op) => placed.push({ at, from: op.from, to: op.to, what: describe(op) })
  const indexOf = new Map(holds.map(({ token }, i) => [token, i]))
  for (const [i, { token, end }] of holds.entries()) {
    const grant = opOf.get(token)
    const release = end && opOf.get(end.seq)
    if (grant) place(3 * i, grant)
    if (release) place(3 * i + 2, release)
  }
  const overlaps = (op: Op, from: number, to: number) => op.to >= from && op.from <= to
  const whileHeldBy = (op: Op, name: string) =>
    holds.some(
      ({ peer, token, end }) => peer === name && overlaps(op, earliest(token), end ? latest(end.seq) : Number.POSITIVE_INFINITY),
    )
  const whileFree = (op: Op) =>
    holds.length === 0 ||
    overlaps(op, Number.NEGATIVE_INFINITY, latest(holds[0]?.token ?? 0)) ||
    holds.some(({ end }, i) => end && overlaps(op, earliest(end.seq), latest(holds[i + 1]?.token ?? Number.POSITIVE_INFINITY)))
  for (const op of ops) {
    const token = told(op)?.token
    if (typeof token === 'number' && op.call.do !== 'unlock') {
      const i = indexOf.get(token)
      const holder = op.call.do === 'query' ? told(op)?.holder : op.peer
      if (i === undefined || holds[i]?.peer !== holder) problems.push(`no such grant: ${describe(op)}`)
      else if (opOf.get(token) !== op) place(3 * i + 1, op)
    }
    if (token === null && !whileFree(op)) problems.push(`it was held all the time: ${describe(op)}`)
    const { outcome } = op
    if (!('refused' in outcome)) continue
    if (refusal(op) === 'locked')
      for (const name of outcome.holders ?? [])
        if (name === op.peer || !whileHeldBy(op, name)) problems.push(`${name} did not hold it: ${describe(op)}`)
    if (refusal(op) === 'not_holder') {
      const held = outcome.holder
      if (held ? !whileHeldBy(op, held) || held === op.peer : !whileFree(op)) problems.push(`not as it was: ${describe(op)}`)
    }
  }
  return [...problems, ...againstTime(placed)]
}

/** Without the log: what callers were told, alone, excludes that two held it at once. */
function asCallersSawIt(ops: readonly Op[], { lives, faults, deadMs }: History): string[] {
  const grants = new Map<number, Grant>()
  for (const op of [...ops].sort((a, b) => a.from - b.from)) {
    const token = told(op)?.token
    if (op.call.do === 'lock' && typeof token === 'number' && !grants.has(token)) {
      const killedAt = lives.find(({ peer, life }) => peer === op.peer && life === op.life)?.killedAt
      const hung = faults.filter(({ what, peer, to }) => what === 'stop' && peer === op.peer && to > op.from)
      const givenUpAt = hung.filter(({ from, to }) => to - from >= deadMs - BEATS_MS).map(({ from }) => from + deadMs - BEATS_MS)
      const over = Math.min(killedAt ?? Number.POSITIVE_INFINITY, ...givenUpAt)
      grants.set(token, {
        ...{ peer: op.peer, token, from: op.from, to: op.to, ttlMs: TTL_MS },
        ...(Number.isFinite(over) && { killedAt: over }),
      })
    }
    if (op.call.do !== 'unlock') continue
    // A process that did not live to hear of it may have given its lock back.
    const last = [...grants.values()].filter((grant) => grant.peer === op.peer && grant.releasedFrom === undefined).at(-1)
    const grant = typeof token === 'number' ? grants.get(token) : 'unknown' in op.outcome ? last : undefined
    if (!grant) continue
    grant.releasedFrom = op.from
    if (typeof token === 'number') grant.releasedBy = op.to
  }
  return problemsOf([...grants.values()])
}
