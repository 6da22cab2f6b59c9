import { waitsOf } from '../layout.ts'
import { useKnown } from '../view.ts'
import { baseOf, shown } from '../words.ts'
import { PeerLink } from './parts.tsx'

/** Who waits for whom, in words. Nothing while nobody does. */
export function Waits() {
  const overview = useKnown((known) => known.overview)
  const waits = overview ? waitsOf(overview) : []
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
