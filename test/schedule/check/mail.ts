import { describe, type History, isUnknown, type Op, type OpOf, opsOf, told } from '../history.ts'

/**
 * Every message that was stored is read, once, by its recipient, over all its lives, oldest first; of one sender in the order
 * in which it was sent. Where the reader is killed, two kinds of peers differ:
 *
 * - an agent's mail counts as read when the answer has left its process: what its last answer carried may come again, and
 *   nothing may be missing;
 * - a program's mail counts as read when the library's call returns: a call that was under way may have taken up to its limit
 *   of the mail that came next, and nothing may come again.
 */
export interface MailCount {
  readonly problems: string[]
  readonly stored: number
  readonly lost: number
  readonly duplicated: number
  /** Carried by calls that were under way when their program was killed. */
  readonly underWay: number
  /** Shown again, whose answer may not have arrived. */
  readonly again: number
}

type Read = OpOf<'read'>

export function checkMail(history: History): MailCount {
  const total = { stored: history.stored.length, lost: 0, duplicated: 0, underWay: 0, again: 0 }
  const problems = orderOfSends(history)
  for (const { text, seen, to } of history.stored) if (!seen) problems.push(`still unread by ${to}: ${text}`)
  for (const peer of history.peers) {
    const counted = checkMailbox(history, peer)
    problems.push(...counted.problems)
    for (const key of ['lost', 'duplicated', 'underWay', 'again'] as const) total[key] += counted[key]
  }
  return { problems, ...total }
}

/** Nobody says the same twice, and every text has its number. */
const numberOf = (text: string): number => Number(text.split(' ')[2])

function orderOfSends({ stored, ops }: History): string[] {
  const problems: string[] = []
  const last = new Map<string, number>()
  const unrefused = new Set(
    opsOf(ops, 'send')
      .filter(({ outcome }) => !('refused' in outcome))
      .map(({ call }) => call.text),
  )
  for (const { from, to, text } of stored) {
    const number = numberOf(text)
    const before = last.get(`${from} ${to}`) ?? 0
    if (number <= before) problems.push(`${from} sent ${number} to ${to} ${number === before ? 'twice' : `after ${before}`}`)
    last.set(`${from} ${to}`, Math.max(number, before))
    if (!unrefused.has(text)) problems.push(`nobody sent ${text}`)
  }
  return problems
}

function checkMailbox(history: History, peer: string) {
  const problems: string[] = []
  const box = history.stored.filter(({ to }) => to === peer)
  const placeOf = new Map(box.map(({ id }, i) => [id, i]))
  const reads: Read[] = opsOf(history.ops, 'read')
    .filter((op) => op.peer === peer)
    .sort((a, b) => a.from - b.from)
  const counted = { lost: 0, duplicated: 0, underWay: 0, again: 0 }
  const shownBy = new Map<number, Read>()
  let next = 0
  let budget = 0
  /** Everything older has been read by now, or was carried by a call that was under way. */
  const reach = (place: number, what: string) => {
    const missing = place - next
    if (missing > budget) {
      counted.lost += missing - budget
      problems.push(`${peer} never read ${box[next]?.text} (${missing} of them): ${what}`)
    }
    counted.underWay += Math.min(missing, budget)
    next = place
  }
  for (const read of reads) {
    if (isUnknown(read) && kindOf(history, read) === 'library') budget += read.call.limit
    for (const { id, from, text } of told(read)?.mail ?? []) {
      const place = placeOf.get(id)
      const message = place === undefined ? undefined : box[place]
      if (place === undefined || !message) problems.push(`nobody sent that to ${peer}: ${describe(read)}`)
      else if (message.text !== text || message.from !== from) problems.push(`it was sent as ${message.text}: ${describe(read)}`)
      else if (shownBy.has(place)) {
        if (mayComeAgain(history, shownBy.get(place), read, reads)) counted.again++
        else {
          counted.duplicated++
          problems.push(`${peer} was shown ${text} again: ${describe(read)}`)
        }
        shownBy.set(place, read)
      } else if (place < next) problems.push(`${peer} read a later one before ${text}: ${describe(read)}`)
      else {
        reach(place, describe(read))
        budget = 0
        next = place + 1
        shownBy.set(place, read)
      }
    }
  }
  reach(box.length, 'to the end')
  return { problems, ...counted }
}

const kindOf = ({ lives }: History, op: Op) => lives.find(({ peer, life }) => peer === op.peer && life === op.life)?.kind

/**
 * What an agent was shown comes again where that could not be noted: it was killed, or nobody could write. On a full disk a
 * later answer may carry a part of it only, and the agent be killed then: the rest comes again to its next life.
 */
function mayComeAgain(history: History, first: Read | undefined, second: Read, reads: readonly Read[]): boolean {
  if (!first || kindOf(history, first) !== 'agent') return false
  const isLast = !reads.some((op) => op.life === first.life && op.from > first.from && (told(op)?.mail?.length ?? 0) > 0)
  if (second.life !== first.life && isLast) return true
  return history.faults.some(
    ({ what, from, to }) =>
      (what === 'fill' || (what === 'stop' && to - from >= 5_000)) && from <= second.from && to >= first.from,
  )
}
