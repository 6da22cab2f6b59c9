import { useChosen, useKnown, useNames, usePage } from '../view.ts'
import { shown } from '../words.ts'
import { Text } from './parts.tsx'

/** What must be known of all that is shown: that it is old, since no leader or no server answers; and that it is narrowed. */
export function Banners() {
  const { chosen } = usePage()
  const peer = useChosen((c) => c.peer)
  const link = useKnown((known) => known.link)
  const outage = useKnown((known) => known.overview?.outage)
  const nameOf = useNames()
  return (
    <>
      {link.state === 'offline' && (
        <p class="banner offline" role="status">
          <strong>Offline:</strong> {shown(link.why)}. What you see is as it was; the page goes on by itself.
        </p>
      )}
      {outage !== undefined && (
        <p class="banner offline" role="status">
          {shown(outage)}
        </p>
      )}
      {peer !== null && (
        <section class="banner" aria-label="Narrowed to a peer">
          <span>
            Only{' '}
            <strong>
              <Text of={nameOf(peer)} />
            </strong>
          </span>
          <button
            type="button"
            onClick={() => {
              chosen.set({ view: 'mail', thread: null, draft: { to: peer } })
              requestAnimationFrame(() => document.getElementById('compose-text')?.focus())
            }}
          >
            Message
          </button>
          <button type="button" onClick={() => chosen.set({ peer: null })} aria-keyshortcuts="Escape">
            Show all
          </button>
        </section>
      )}
    </>
  )
}
