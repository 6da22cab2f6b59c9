import { useEffect, useRef } from 'preact/hooks'
import type { Layout } from '../layout.ts'
import { useKnown, usePage } from '../view.ts'
import type { WireEvent } from '../wire.ts'

/** Mail on its way: a dot that runs from sender to recipient. Drawn past the views, since it lasts less than a second. */

const RUN_MS = 900
const AT_ONCE = 40

export function Pulses({ layout }: { layout: Layout }) {
  const { mesh } = usePage()
  const events = useKnown((known) => known.events)
  const group = useRef<SVGGElement>(null)
  const seen = useRef<number | null>(null)
  useEffect(() => {
    const last = events.at(-1)?.seq ?? 0
    const before = seen.current
    seen.current = last
    // What was there when the page opened did not happen just now.
    if (before === null || before === 0 || matchMedia('(prefers-reduced-motion: reduce)').matches) return
    for (const event of newest(events, before)) if (mesh.now() - Date.parse(event.createdAt) < 5_000) run(event)
  }, [events])

  function run({ payload }: WireEvent) {
    const [from, to] = [layout.spots.get(String(payload.from)), layout.spots.get(String(payload.to))]
    if (!from || !to || !group.current || group.current.childElementCount >= AT_ONCE) return
    const dot = document.createElementNS('http://www.w3.org/2000/svg', 'circle')
    dot.setAttribute('r', layout.dense ? '4' : '5')
    dot.setAttribute('class', 'pulse')
    group.current.append(dot)
    const at = ({ x, y }: { x: number; y: number }) => `translate(${x}px, ${y}px)`
    const run = dot.animate([{ transform: at(from) }, { transform: at(to) }], { duration: RUN_MS, easing: 'ease-in-out' })
    run.onfinish = run.oncancel = () => dot.remove()
  }
  return <g ref={group} />
}

function newest(events: readonly WireEvent[], after: number): WireEvent[] {
  const found: WireEvent[] = []
  for (let i = events.length - 1; i >= 0; i--) {
    const event = events[i]
    if (!event || event.seq <= after || found.length >= AT_ONCE) break
    if (event.type === 'message_received') found.push(event)
  }
  return found
}
