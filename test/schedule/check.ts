import { account } from './check/account.ts'
import { checkEvents } from './check/events.ts'
import { checkLocks } from './check/locks.ts'
import { checkMail, type MailCount } from './check/mail.ts'
import { checkMembers } from './check/members.ts'
import { checkReasons } from './check/reasons.ts'
import { checkState } from './check/state.ts'
import { type History, isUnknown, told } from './history.ts'

/** All that is wrong with a history, and what was counted on the way. Pure: what was kept can be checked again. */
export interface Verdict {
  readonly problems: readonly string[]
  readonly mail: Omit<MailCount, 'problems'>
  readonly acknowledged: number
  readonly unknown: number
  readonly grants: number
  readonly injected: number
  readonly terms: number
}

export function check(history: History): Verdict {
  const accounted = account(history)
  const { problems: mailProblems, ...mail } = checkMail(history)
  return {
    problems: [
      ...accounted.problems,
      ...checkState(history, accounted),
      ...checkLocks(history, accounted),
      ...checkMembers(history, accounted),
      ...mailProblems,
      ...checkEvents(history, accounted),
      ...checkReasons(history),
    ],
    mail,
    acknowledged: history.ops.filter((op) => told(op) && ['send', 'set', 'lock', 'announce'].includes(op.call.do)).length,
    unknown: history.ops.filter(isUnknown).length,
    grants: history.log.filter(({ type }) => type === 'file_locked').length,
    injected: history.faults.length,
    terms: history.log.filter(({ type }) => type === 'leader_elected').length,
  }
}
