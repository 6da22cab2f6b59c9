import { waitsOf } from '../layout.ts'
import { useChosen, useKnown, useNow } from '../view.ts'
import { baseOf, countdown, shown } from '../words.ts'
import { PeerLink } from './parts.tsx'

/** Who waits for whom, in words. Nothing while nobody does. */
export function Waits() {
  const overview = useKnown((known) => known.overview)
  const peer = useChosen((chosen) => chosen.peer)
  const waits = (overview ? waitsOf(overview) : []).filter(
    ({ waiter, holder }) => peer === null || waiter === peer || holder === peer,
  )
  if (waits.length === 0) return null
  return (
    <section class="waits-list" aria-label="Who waits for whom">
      <h2>Waiting</h2>
      <ul>
        {waits.map((wait) => (
          <li key={`${wait.waiter} ${wait.filePath}`}>
            <PeerLink id={wait.waiter} name={wait.waiterName} /> waits for <PeerLink id={wait.holder} name={wait.holderName} /> to
            give back <code title={shown(wait.filePath)}>{shown(baseOf(wait.filePath))}</code>
          </li>
        ))}
      </ul>
    </section>
  )
}

const SHOWN = 12

/** What is locked, for a glance; the view of locks has it all. */
export function Held() {
  const overview = useKnown((known) => known.overview)
  const peer = useChosen((chosen) => chosen.peer)
  const now = useNow()
  const locks = (overview?.locks ?? []).filter(({ holder }) => peer === null || holder.id === peer)
  if (locks.length === 0) return null
  return (
    <section class="held" aria-label="What is locked">
      <h2>Locked</h2>
      <ul>
        {locks.slice(0, SHOWN).map(({ filePath, holder, expiresAt }) => (
          <li key={filePath}>
            <PeerLink id={holder.id} name={holder.name} /> <code title={shown(filePath)}>{shown(baseOf(filePath))}</code>
            <span class="when">{countdown(expiresAt, now)}</span>
          </li>
        ))}
      </ul>
      {locks.length > SHOWN && <p class="dim">and {locks.length - SHOWN} more</p>}
    </section>
  )
}
