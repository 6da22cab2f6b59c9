import { describe, type Event, type History, isUnknown, type Op, told } from '../history.ts'
import { NOTE } from '../operations.ts'

/**
 * The log names one order of everything that was written, so no order need be searched for. This finds for each entry the
 * call that it answers for, and whether the order agrees with time: a call that had ended before another began stands
 * before it. A call that was acknowledged has its entry; one that is unknown may have one; one that was refused has none;
 * and no entry stands there that nobody asked for.
 */
export interface Account {
  readonly problems: string[]
  readonly opOf: ReadonlyMap<number, Op>
  /** The bounds of the moment at which an entry was written: the log's own order and what callers saw leave no other. */
  earliest(seq: number): number
  latest(seq: number): number
}

/** Something that stands at a place of an order, and happened at some moment between two. */
export interface Placed {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly what: string
}

/** What had ended before something began that stands earlier. Those at one place may stand in any order. */
export function againstTime(placed: readonly Placed[]): string[] {
  const problems: string[] = []
  const sorted = [...placed].sort((a, b) => a.at - b.at)
  let before: Placed | undefined // the one before this place that began last
  let here: Placed | undefined
  for (const each of sorted) {
    if (here && here.at < each.at) {
      if (!before || here.from > before.from) before = here
      here = undefined
    }
    if (before && each.to < before.from) problems.push(`${each.what} had ended when ${before.what} began, and stands after it`)
    if (!here || each.from > here.from) here = each
  }
  return problems
}

export function account(history: History): Account {
  const { log, ops } = history
  const problems: string[] = []
  const opOf = new Map<number, Op>()
  const bySeq = new Map(log.map((event) => [event.seq, event]))
  for (const [i, { seq }] of log.entries()) if (seq <= (log[i - 1]?.seq ?? 0)) problems.push(`the log's ${seq} is not later`)

  const claim = (op: Op, event: Event | undefined, fits: (event: Event) => boolean) => {
    if (!event || !fits(event))
      problems.push(`acknowledged, but not in the log: ${describe(op)}; there: ${JSON.stringify(event)}`)
    else if (opOf.has(event.seq)) problems.push(`entry ${event.seq} answers two calls: ${describe(op)}`)
    else opOf.set(event.seq, op)
  }
  const received = new Map(ofType(log, 'message_received').map((event) => [event.payload.messageId, event]))
  const freed = new Map(ofType(log, 'file_unlocked').map((event) => [event.payload.token, event]))
  const grants = new Set<number>()
  for (const op of ops) {
    const answer = told(op)
    if (!answer) continue
    const { call, peer } = op
    const by = (event: Event) => event.by === peer
    if (call.do === 'send') {
      for (const name of call.to) claim(op, received.get(answer.sent?.[name]), by)
      if (Object.keys(answer.sent ?? {}).length !== call.to.length) problems.push(`other recipients than asked: ${describe(op)}`)
    } else if (call.do === 'set')
      claim(op, bySeq.get(answer.version ?? 0), (e) => by(e) && e.type === 'state_changed' && e.payload.key === call.key)
    else if (call.do === 'announce')
      claim(op, bySeq.get(answer.seq ?? 0), (e) => by(e) && e.type === NOTE && e.payload.note === call.note)
    else if (call.do === 'unlock')
      claim(op, freed.get(answer.token), (e) => by(e) && e.payload.reason === 'released' && e.payload.filePath === call.path)
    else if (call.do === 'lock' && !grants.has(answer.token ?? 0)) {
      // The first to be told of a token was granted it; further ones were renewals.
      grants.add(answer.token ?? 0)
      claim(op, bySeq.get(answer.token ?? 0), (e) => by(e) && e.type === 'file_locked' && e.payload.filePath === call.path)
    }
  }

  const bounds = boundsOf(log, opOf)
  const textOf = new Map(history.stored.map(({ id, text }) => [id, text]))
  const unknown = ops.filter(isUnknown)
  const used = new Map<Op, Event[]>()
  for (const event of log) {
    if (opOf.has(event.seq) || !wasAskedFor(event)) continue
    const op = unknown.find(
      (op) =>
        op.peer === event.by &&
        (!used.has(op) || (op.call.do === 'send' && !used.get(op)?.some((e) => e.payload.to === event.payload.to))) &&
        canBe(op, event, textOf) &&
        op.from <= bounds.latest(event.seq) &&
        op.to >= bounds.earliest(event.seq),
    )
    if (!op) {
      problems.push(`nobody asked for ${JSON.stringify(event)}`)
      continue
    }
    opOf.set(event.seq, op)
    used.set(op, [...(used.get(op) ?? []), event])
  }
  for (const [op, events] of used)
    if (op.call.do === 'send' && events.length !== op.call.to.length)
      problems.push(`sent to ${events.length} only: ${describe(op)}`)

  const placed = [...opOf].map(([seq, op]) => ({ at: seq, from: op.from, to: op.to, what: `${seq}: ${describe(op)}` }))
  problems.push(...againstTime(placed))
  return { problems, opOf, ...bounds }
}

export const ofType = (log: readonly Event[], ...types: string[]): Event[] => log.filter(({ type }) => types.includes(type))

/** Locks also end by themselves, and peers come and go. */
const wasAskedFor = ({ type, payload }: Event): boolean =>
  ['message_received', 'file_locked', 'state_changed', NOTE].includes(type) ||
  (type === 'file_unlocked' && payload.reason === 'released')

function canBe({ call }: Op, { type, payload }: Event, textOf: ReadonlyMap<string, string>): boolean {
  switch (call.do) {
    case 'send':
      return type === 'message_received' && textOf.get(String(payload.messageId)) === call.text
    case 'set':
      return (
        type === 'state_changed' && payload.key === call.key && (call.ifVersion === undefined || call.ifVersion === payload.was)
      )
    case 'announce':
      return type === NOTE && payload.note === call.note
    case 'lock':
      return type === 'file_locked' && payload.filePath === call.path
    case 'unlock':
      return type === 'file_unlocked' && payload.filePath === call.path
    default:
      return false
  }
}

function boundsOf(log: readonly Event[], opOf: ReadonlyMap<number, Op>): Pick<Account, 'earliest' | 'latest'> {
  const earliest = new Map<number, number>()
  const latest = new Map<number, number>()
  let bound = Number.NEGATIVE_INFINITY
  for (const { seq } of log) earliest.set(seq, (bound = Math.max(bound, opOf.get(seq)?.from ?? bound)))
  bound = Number.POSITIVE_INFINITY
  for (const { seq } of [...log].reverse()) latest.set(seq, (bound = Math.min(bound, opOf.get(seq)?.to ?? bound)))
  return {
    earliest: (seq) => earliest.get(seq) ?? Number.NEGATIVE_INFINITY,
    latest: (seq) => latest.get(seq) ?? Number.POSITIVE_INFINITY,
  }
}
