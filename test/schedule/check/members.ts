import type { History } from '../history.ts'
import { type Account, ofType } from './account.ts'

/** A beat may have been due when the process was stopped, and the one before it late. */
export const BEATS_MS = 600

/** Nobody is given up but who was killed, or hung for longer than is allowed; in the log, at the moment of that entry. */
export function mayBeGivenUp(
  { lives, faults, deadMs }: History,
  peer: string,
  { earliest, latest }: Account,
  seq: number,
  since = seq,
) {
  const by = latest(seq)
  const killed = lives.some(
    (life) =>
      life.peer === peer &&
      life.killedAt !== undefined &&
      life.killedAt <= by &&
      (life.endedAt ?? Number.POSITIVE_INFINITY) >= earliest(since),
  )
  const hung = faults.some((f) => f.what === 'stop' && f.peer === peer && f.from + deadMs - BEATS_MS <= Math.min(by, f.to))
  return killed || hung
}

export function checkMembers(history: History, account: Account): string[] {
  return ofType(history.log, 'peer_left').flatMap(({ seq, payload }) => {
    const peer = String(payload.name)
    const { reason } = payload
    if (reason === 'left') return [`${peer} left, and nobody had asked it to`]
    // Its earlier life may have ended at any time before this one's end was seen.
    return mayBeGivenUp(history, peer, account, seq, 0) ? [] : [`${peer} lived, and was given up as ${reason} by ${seq}`]
  })
}
