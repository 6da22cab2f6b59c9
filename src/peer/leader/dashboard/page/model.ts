import type { Overview, OverviewMessage } from '../contract.ts'
import type { WireEvent } from './wire.ts'

/** What the page knows, and how it changes. Pure. */

/** Beyond these the oldest are let go: the leader still has them. */
export const MAX_EVENTS = 10_000
const MAX_MESSAGES = 2_000

export type Link =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | { readonly state: 'offline'; readonly why: string }
  | { readonly state: 'signed-out' }

/** In the order of `seq`, each once, the newest `max` of them. Both lists are in order already, and mostly meet end to end. */
export function merged<T extends { readonly seq: number }>(known: readonly T[], come: readonly T[], max: number): readonly T[] {
  if (come.length === 0) return known
  const last = known.at(-1)
  const first = come[0]
  if (!last || (first && first.seq > last.seq)) return known.concat(come).slice(-max)
  const bySeq = new Map(known.map((each) => [each.seq, each]))
  for (const each of come) bySeq.set(each.seq, each)
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq).slice(-max)
}

export const withEvents = (known: readonly WireEvent[], come: readonly WireEvent[]) => merged(known, come, MAX_EVENTS)

/** `come` as the leader gives them, newest first. */
export const withMessages = (known: readonly OverviewMessage[], come: readonly OverviewMessage[]) =>
  merged(
    known,
    [...come].sort((a, b) => a.seq - b.seq),
    MAX_MESSAGES,
  )

/** What must be read again after these events; the overview always. */
export function staleAfter(events: readonly WireEvent[]): { mail: boolean; namespaces: ReadonlySet<string> } {
  const namespaces = new Set<string>()
  let mail = false
  for (const { type, payload } of events) {
    if (type === 'message_received') mail = true
    else if (type === 'state_changed') namespaces.add(String(payload.namespace))
  }
  return { mail, namespaces }
}

/** Names of ids: those who are there, then those that mail knows. */
export function namesIn(overview: Overview | null, messages: readonly OverviewMessage[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const { from, to } of messages) names.set(from.id, from.name).set(to.id, to.name)
  for (const { id, name } of overview?.peers ?? []) names.set(id, name)
  return names
}
