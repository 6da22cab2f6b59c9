import { describe, type History, type Op, refusal } from '../history.ts'

/** Nothing is refused, nobody dies, and nothing is left over without a reason. */

/** Writers are told `busy` after this long without a turn. */
const BUSY_MS = 5_000
/** Of what a full disk refused, a little may be told after there is room again. */
const LATE_MS = 500

const EXPECTED: Partial<Record<Op['call']['do'], string>> = { lock: 'locked', unlock: 'not_holder', set: 'version_conflict' }
const READS: readonly string[] = ['get', 'query']

export function checkReasons(history: History): string[] {
  const { diedAlone, refusedJoins, end, peers, faults } = history
  const during = (what: 'fill' | 'stop', from: number, to: number, atLeast = 0) =>
    faults.some((f) => f.what === what && f.to - f.from >= atLeast && f.from <= to && f.to + LATE_MS >= from)
  const hasReason = (code: string, from: number, to: number) =>
    (code === 'disk_full' && during('fill', from, to)) || (code === 'busy' && during('stop', from, to, BUSY_MS - LATE_MS))
  const problems = diedAlone.map((who) => `died by itself: ${who}`)
  for (const op of history.ops) {
    const code = refusal(op)
    if (code === undefined || EXPECTED[op.call.do] === code) continue
    if (READS.includes(op.call.do) || !hasReason(code, op.from, op.to)) problems.push(`refused for no reason: ${describe(op)}`)
  }
  for (const { peer, why, from, to } of refusedJoins)
    if (!hasReason(why, from, to)) problems.push(`${peer} could not join: ${why} [${from}, ${to}]`)
  if (end.integrity !== 'ok') problems.push(`integrity: ${String(end.integrity)}`)
  if (end.live.join() !== [...peers].sort().join()) problems.push(`at the end there live ${end.live.join()}`)
  if (end.locks > 0) problems.push(`${end.locks} locks are left`)
  if (end.leader === null || !peers.includes(end.leader)) problems.push(`at the end ${end.leader ?? 'nobody'} leads`)
  return problems
}
