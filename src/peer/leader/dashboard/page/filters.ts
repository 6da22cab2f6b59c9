import type { WireEvent } from './wire.ts'
import { detailOf } from './words.ts'

/** Which events the timeline shows. Pure. */

export interface EventFilter {
  /** Empty: all. */
  readonly types: ReadonlySet<string>
  readonly peer: string | null
  readonly text: string
}

/** Whether an event was caused by a peer, or is about it. */
export const concerns = ({ emittedBy, payload }: WireEvent, peer: string): boolean => {
  if (emittedBy === peer || payload.id === peer || payload.from === peer || payload.to === peer) return true
  const holder = payload.holder
  return typeof holder === 'object' && holder !== null && 'id' in holder && holder.id === peer
}

/** Newest first. */
export function filtered(
  events: readonly WireEvent[],
  filter: EventFilter,
  nameOf: (id: string) => string,
): readonly WireEvent[] {
  const text = filter.text.trim().toLowerCase()
  const found: WireEvent[] = []
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i]
    if (!event) continue
    if (filter.types.size > 0 && !filter.types.has(event.type)) continue
    if (filter.peer !== null && !concerns(event, filter.peer)) continue
    if (text !== '' && !textOf(event, nameOf).includes(text)) continue
    found.push(event)
  }
  return found
}

const textOf = (event: WireEvent, nameOf: (id: string) => string) =>
  `${event.type} ${event.emittedByName ?? ''} ${detailOf(event, nameOf)}`.toLowerCase()

/** The rows of a long list that are worth drawing: those in view, and some around them. */
export function windowOf(
  count: number,
  rowPx: number,
  scrolledPx: number,
  viewPx: number,
  around = 8,
): { from: number; to: number } {
  const from = Math.max(0, Math.min(count, Math.floor(scrolledPx / rowPx)) - around)
  return { from, to: Math.min(count, Math.ceil((scrolledPx + viewPx) / rowPx) + around) }
}
