import { describe, type History, type OpOf, opsOf, refusal, told } from '../history.ts'
import { COUNTERS } from '../plan.ts'
import { type Account, againstTime, ofType, type Placed } from './account.ts'

/**
 * Each key is a register with compare-and-set, and linearizable: versions name its order. A write follows the version that
 * it was to follow; whoever read a version, or was refused because of it, did so between that write and the next.
 */
export function checkState(history: History, { opOf }: Account): string[] {
  const problems: string[] = []
  const ops = opsOf(history.ops, 'get', 'set')
  for (const key of new Set(ops.map(({ call }) => call.key))) {
    const writes = ofType(history.log, 'state_changed').filter(({ payload }) => payload.key === key)
    const placeOf = new Map<number, number>([[0, -1], ...writes.map(({ seq }, i): [number, number] => [seq, 2 * i])])
    const placed: Placed[] = []
    const values = new Map<number, string | undefined>([[0, undefined]])
    const isCounter = COUNTERS.some((counter) => key.startsWith(counter))
    for (const [i, { seq, payload }] of writes.entries()) {
      const op = opOf.get(seq) as OpOf<'set'> | undefined // only sets answer for these entries
      const was = writes[i - 1]?.seq ?? 0
      if (payload.was !== was) problems.push(`${key}: ${seq} followed ${payload.was}, not ${was}`)
      if (!op) continue
      const { ifVersion, value } = op.call
      if (ifVersion !== undefined && ifVersion !== was)
        problems.push(`${key}: ${seq} does not follow ${ifVersion}: ${describe(op)}`)
      if (isCounter && Number(value) !== Number(values.get(was) ?? 0) + 1) problems.push(`${key}: ${seq} counted to ${value}`)
      values.set(seq, value)
      placed.push({ at: 2 * i, from: op.from, to: op.to, what: describe(op) })
    }
    const readAt = (op: OpOf<'get' | 'set'>, version: number) => {
      const at = placeOf.get(version)
      if (at === undefined) problems.push(`${key}: nobody wrote version ${version}: ${describe(op)}`)
      // After the write of that version, before the next.
      else placed.push({ at: version === 0 ? -1 : at + 1, from: op.from, to: op.to, what: describe(op) })
    }
    for (const op of ops) {
      if (op.call.key !== key) continue
      const answer = told(op)
      if (op.call.do === 'get' && answer) {
        readAt(op, answer.version ?? 0)
        if (answer.value !== values.get(answer.version ?? 0)) problems.push(`${key}: another value was written: ${describe(op)}`)
      }
      if (op.call.do === 'set' && answer && answer.value !== op.call.value)
        problems.push(`${key}: another value: ${describe(op)}`)
      if (op.call.do === 'set' && refusal(op) === 'version_conflict' && 'actual' in op.outcome) {
        const actual = op.outcome.actual ?? 0
        if (actual === op.call.ifVersion) problems.push(`${key}: refused for no reason: ${describe(op)}`)
        readAt(op, actual)
      }
    }
    problems.push(...againstTime(placed))
  }
  return problems
}
