import type { Agent } from './agent.ts'
import { eventually } from './eventually.ts'

/** What leaders promise to whoever asks from outside: one of them at a time, in terms that only grow. */

interface Health {
  readonly term: number
  readonly pid: number
}

/** What answers `/health` on that port with 200; undefined where nothing does. */
export async function health(port: number): Promise<Health | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(2_000) })
    return response.status === 200 ? ((await response.json()) as Health) : undefined
  } catch {
    return undefined
  }
}

/** The leader that the row names, once it serves: its port answers with the row's term and pid. */
export const servingLeader = (asked: Agent, { after = 0, within = 10_000 } = {}) =>
  eventually(
    async () => {
      const { leader } = await asked.call('mesh.status', {})
      if (!leader || leader.term <= after || leader.port === null) return undefined
      const seen = await health(leader.port)
      return seen?.term === leader.term && seen.pid === leader.pid && { ...leader, port: leader.port }
    },
    { within },
  )

/** Throws unless every term had one winner and each was later than the one before. Returns the terms. */
export async function electedTerms(asked: Agent): Promise<number[]> {
  const { events } = await asked.call('event.read', { types: ['leader_elected'], since: 0, limit: 200 })
  const terms = events.map(({ payload }) => Number(payload.term))
  const ordered = terms.every((term, i) => i === 0 || term > (terms[i - 1] ?? 0))
  if (!ordered) throw new Error(`terms did not grow: ${terms.join(', ')}`)
  return terms
}

/**
 * Asks one port after the other, again and again, until stopped. One question at a time: an answer of an older term
 * after one of a newer term means that two led at once.
 */
export function watchLeaders(ports: Set<number>) {
  let running = true
  let newest = 0
  const seen = { answers: 0, violations: [] as string[] }
  const done = (async () => {
    while (running) {
      for (const port of [...ports]) {
        const answer = await health(port)
        if (!answer) continue
        seen.answers++
        if (answer.term < newest) seen.violations.push(`term ${answer.term} answered on ${port} after term ${newest}`)
        newest = Math.max(newest, answer.term)
      }
      await new Promise(setImmediate)
    }
  })()
  return {
    async stop() {
      running = false
      await done
      return seen
    },
  }
}
