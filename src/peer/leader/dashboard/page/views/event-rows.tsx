import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { windowOf } from '../filters.ts'
import { useNames } from '../view.ts'
import type { WireEvent } from '../wire.ts'
import { detailOf, shown, timeOfDay, titleOf } from '../words.ts'
import { Copy, PeerLink, Value } from './parts.tsx'

/** As styles/time.css has it. */
const ROW_PX = 34

interface Props {
  readonly rows: readonly WireEvent[]
  readonly open: number | null
  readonly onOpen: (seq: number) => void
}

/** Ten thousand rows, of which those in view are drawn. Who has scrolled down stays where they are while more comes in above. */
export function Rows({ rows, open, onOpen }: Props) {
  const box = useRef<HTMLElement>(null)
  const [at, setAt] = useState({ top: 0, height: 600 })
  const nameOf = useNames()
  const first = useRef(rows[0]?.seq)
  useEffect(() => {
    const element = box.current
    if (!element) return
    const look = () => setAt({ top: element.scrollTop, height: element.clientHeight })
    look()
    const sizes = new ResizeObserver(look)
    sizes.observe(element)
    element.addEventListener('scroll', look, { passive: true })
    return () => {
      sizes.disconnect()
      element.removeEventListener('scroll', look)
    }
  }, [])
  useLayoutEffect(() => {
    const before = first.current
    first.current = rows[0]?.seq
    if (before === undefined || !box.current || box.current.scrollTop < ROW_PX) return
    const come = rows.findIndex(({ seq }) => seq <= before)
    if (come > 0) box.current.scrollTop += come * ROW_PX
  }, [rows])
  const { from, to } = windowOf(rows.length, ROW_PX, at.top, at.height)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
    <section class="rows" ref={box} tabIndex={0} aria-label="Events, newest first">
      <ol class="rows-all" style={{ height: `${rows.length * ROW_PX}px` }}>
        {rows.slice(from, to).map((event, i) => (
          <li
            key={event.seq}
            class={`row kind-${event.type} ${event.seq === open ? 'open' : ''}`}
            style={{ transform: `translateY(${(from + i) * ROW_PX}px)` }}
            aria-setsize={rows.length}
            aria-posinset={from + i + 1}
          >
            <button type="button" onClick={() => onOpen(event.seq)} aria-expanded={event.seq === open}>
              <time dateTime={event.createdAt}>{timeOfDay(event.createdAt)}</time>
              <span class="row-who">
                <bdi>{shown(event.emittedByName ?? '–')}</bdi>
              </span>
              <span class="what">{shown(titleOf(event.type))}</span>
              <span class="row-detail">
                <bdi>{shown(detailOf(event, nameOf).slice(0, 300))}</bdi>
              </span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  )
}

/** All that an event says. */
export function EventDetail({ event, onClose }: { event: WireEvent; onClose: () => void }) {
  return (
    <section class="detail" aria-label={`Event ${event.seq}`}>
      <div class="bar">
        <h2>{shown(event.type)}</h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </div>
      <p class="dim">
        number {event.seq} · {new Date(event.createdAt).toLocaleString()}
        {event.emittedBy !== null && (
          <>
            {' · '}
            <PeerLink id={event.emittedBy} name={event.emittedByName ?? event.emittedBy} />
          </>
        )}
      </p>
      <Value text={JSON.stringify(event.payload, null, 2)} />
      <Copy text={JSON.stringify(event)} what="event" />
    </section>
  )
}
