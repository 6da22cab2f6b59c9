import { describe, type History, opsOf, told } from '../history.ts'
import { type Account, ofType } from './account.ts'

/** Whoever follows the log misses nothing and sees nothing twice; terms only grow. */
export function checkEvents(history: History, { latest }: Account): string[] {
  const problems: string[] = []
  const seqs = history.log.map(({ seq }) => seq)
  for (const op of opsOf(history.ops, 'follow')) {
    const events = told(op)?.events
    if (!events) continue
    const start = seqs.findIndex((seq) => seq > op.call.since)
    const expected = start < 0 ? [] : seqs.slice(start, start + events.length)
    if (events.join() !== expected.join()) problems.push(`not what the log says, ${expected.join()}: ${describe(op)}`)
    const omitted = start < 0 ? undefined : seqs[start + events.length]
    if (events.length < op.call.limit && omitted !== undefined && latest(omitted) < op.from)
      problems.push(`${omitted} had been written before: ${describe(op)}`)
  }
  let last = 0
  for (const { payload, by } of ofType(history.log, 'leader_elected')) {
    const term = Number(payload.term)
    if (!(term > last)) problems.push(`${by} was elected in term ${term} after ${last}`)
    last = term
  }
  return problems
}
