import { concerns } from '../filters.ts'
import { useChosen, useKnown, useNames, useNow } from '../view.ts'
import type { WireEvent } from '../wire.ts'
import { agoOf, detailOf, shown, titleOf } from '../words.ts'
import { Empty, PeerLink } from './parts.tsx'

const SHOWN = 40

/** The newest events, for a glance; the timeline has them all. */
export function JustNow() {
  const events = useKnown((known) => known.events)
  const peer = useChosen((chosen) => chosen.peer)
  const nameOf = useNames()
  const now = useNow()
  const latest = newestOf(events, peer)
  return (
    <>
      <h2>Just happened</h2>
      {latest.length === 0 ? (
        <Empty title="Nothing yet">Whatever the agents do through the mesh appears here as it happens.</Empty>
      ) : (
        <ol class="just">
          {latest.map((event) => (
            <li key={event.seq} class={`kind-${event.type}`}>
              <span class="when">{agoOf(event.createdAt, now)}</span>
              <span>
                {event.emittedBy !== null && <PeerLink id={event.emittedBy} name={event.emittedByName ?? event.emittedBy} />}{' '}
                <span class="what">{shown(titleOf(event.type))}</span> <bdi>{shown(detailOf(event, nameOf))}</bdi>
              </span>
            </li>
          ))}
        </ol>
      )}
    </>
  )
}

function newestOf(events: readonly WireEvent[], peer: string | null): WireEvent[] {
  const found: WireEvent[] = []
  for (let i = events.length - 1; i >= 0 && found.length < SHOWN; i--) {
    const event = events[i]
    if (event && (peer === null || concerns(event, peer))) found.push(event)
  }
  return found
}
