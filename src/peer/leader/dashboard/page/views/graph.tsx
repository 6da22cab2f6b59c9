import { useMemo, useState } from 'preact/hooks'
import type { OverviewPeer } from '../../contract.ts'
import { curve, edgesOf, type Layout, layoutOf, nodesOf, type Spot, waitsOf } from '../layout.ts'
import { useChosen, useKnown, useMedia, usePage } from '../view.ts'
import { baseOf, counted, shown } from '../words.ts'
import { Empty } from './parts.tsx'
import { Pulses } from './pulses.tsx'

/** Who is there, who has written to whom, and who waits for whom; mail runs along the edges as it is sent. */
export function Graph() {
  const overview = useKnown((known) => known.overview)
  const messages = useKnown((known) => known.messages)
  const peer = useChosen((chosen) => chosen.peer)
  const edges = useMemo(() => edgesOf(messages), [messages])
  const nodes = useMemo(() => (overview ? nodesOf(overview, edges) : []), [overview, edges])
  const ids = nodes.map(({ id }) => id).join(' ')
  const narrow = useMedia('(max-width: 560px)')
  const layout = useMemo(() => layoutOf(ids === '' ? [] : ids.split(' '), narrow), [ids, narrow])
  if (!overview || nodes.length === 0)
    return (
      <Empty title="Nobody is here yet">
        Start an agent that has the mesh (slm-mesh setup connects it): it joins by itself, and stands here at once.
      </Empty>
    )
  const waits = waitsOf(overview)
  const tied = new Set(waits.flatMap(({ waiter, holder }) => [waiter, holder]))
  return (
    <figure class="graph">
      {/* biome-ignore lint/a11y/useSemanticElements: HTML's fieldset is no drawing */}
      <svg
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        role="group"
        aria-label={`Graph of ${counted(nodes.length, 'peer')}; arrow keys go from one to the next`}
        class={layout.dense ? 'dense' : ''}
      >
        <defs>
          <marker id="waits" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
            <path d="M0 0 8 4 0 8Z" class="arrow" />
          </marker>
        </defs>
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a group of a drawing is not interactive */}
        <g role="img" aria-label="Mail between peers, and who waits for whom">
          {edges.map((edge) => {
            const [a, b] = [layout.spots.get(edge.a), layout.spots.get(edge.b)]
            if (!a || !b) return null
            const { path, midX, midY } = curve(a, b, layout.radius, layout.dense ? 4 : 10)
            const far = peer !== null && edge.a !== peer && edge.b !== peer
            return (
              <g
                key={`${edge.a} ${edge.b}`}
                class={`edge ${weightOf(edge.count)} ${edge.unread > 0 ? 'unread' : ''} ${far ? 'far' : ''}`}
              >
                <path d={path} />
                {!layout.dense && edges.length <= 40 && (
                  <text x={midX} y={midY + 3.5}>
                    {edge.count}
                  </text>
                )}
              </g>
            )
          })}
          {waits.map((wait) => {
            const [a, b] = [layout.spots.get(wait.waiter), layout.spots.get(wait.holder)]
            if (!a || !b) return null
            const { path, midX, midY } = curve(a, b, layout.radius, -26, 0.36)
            return (
              <g key={`${wait.waiter} ${wait.filePath}`} class="waits">
                <path d={path} marker-end="url(#waits)" />
                {!layout.dense && !narrow && (
                  <text x={midX} y={midY}>
                    {short(shown(baseOf(wait.filePath)), 16)}
                  </text>
                )}
              </g>
            )
          })}
        </g>
        <Pulses layout={layout} />
        <Nodes nodes={nodes} layout={layout} leader={overview.leader?.id} tied={tied} />
      </svg>
      <figcaption class="legend" aria-hidden="true">
        <span class="key-active">active</span>
        <span class="key-stale">stale</span>
        <span class="key-away">away</span>
        <span class="key-mail">mail, how many</span>
        <span class="key-waits">waits for a lock</span>
      </figcaption>
    </figure>
  )
}

const weightOf = (count: number) => (count > 50 ? 'w3' : count > 10 ? 'w2' : 'w1')

interface NodesProps {
  readonly nodes: readonly OverviewPeer[]
  readonly layout: Layout
  readonly leader: string | undefined
  /** Who holds or waits. */
  readonly tied: ReadonlySet<string>
}

/** One of them is in the order of the Tab key; arrows move to the others. */
function Nodes({ nodes, layout, leader, tied }: NodesProps) {
  const { chosen } = usePage()
  const peer = useChosen((c) => c.peer)
  const [current, setCurrent] = useState<string | null>(null)
  const entered = nodes.some(({ id }) => id === current) ? current : nodes[0]?.id
  const choose = (id: string) => chosen.set((now) => ({ peer: now.peer === id ? null : id }))
  const onKeyDown = (event: KeyboardEvent, i: number) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return choose(nodes[i]?.id ?? '')
    }
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key]
    const next = step === undefined ? undefined : nodes[(i + step + nodes.length) % nodes.length]
    if (!next) return
    event.preventDefault()
    setCurrent(next.id)
    document.getElementById(`node-${next.id}`)?.focus()
  }
  return (
    <g>
      {nodes.map((node, i) => {
        const spot = layout.spots.get(node.id)
        return (
          spot && (
            <g
              key={node.id}
              class={`node ${node.kind === 'known' ? 'person' : node.status} ${tied.has(node.id) ? 'tied' : ''} ${peer !== null && node.id !== peer ? 'far' : ''}`}
            >
              <Drawn node={node} spot={spot} layout={layout} leads={node.id === leader} />
              {/* biome-ignore lint/a11y/useSemanticElements: HTML's button cannot stand in a drawing */}
              <circle
                id={`node-${node.id}`}
                class="touch"
                cx={spot.x}
                cy={spot.y}
                r={layout.dense ? 13 : layout.radius + 5}
                role="button"
                tabindex={node.id === entered ? 0 : -1}
                aria-pressed={node.id === peer}
                aria-label={wordsOf(node, node.id === leader)}
                onClick={() => choose(node.id)}
                onFocus={() => setCurrent(node.id)}
                onKeyDown={(event) => onKeyDown(event, i)}
              >
                <title>{wordsOf(node, node.id === leader)}</title>
              </circle>
            </g>
          )
        )
      })}
    </g>
  )
}

function Drawn({ node, spot, layout, leads }: { node: OverviewPeer; spot: Spot; layout: Layout; leads: boolean }) {
  const { radius, dense } = layout
  const name = shown(node.name)
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing in it takes the focus; the circle above it says it all
    <g aria-hidden="true">
      {leads && <circle cx={spot.x} cy={spot.y} r={radius + 4} class="leads" />}
      <circle cx={spot.x} cy={spot.y} r={radius} class="dot" />
      {!dense && radius > 12 && (
        <text x={spot.x} y={spot.y + 4.5} class="initials">
          {node.kind === 'known' ? (node.agentType === 'human' ? 'you' : node.name) : name.slice(0, 2)}
        </text>
      )}
      {node.unread > 0 && !dense && (
        <g class="badge">
          <circle cx={spot.x + radius * 0.8} cy={spot.y - radius * 0.8} r={9} />
          <text x={spot.x + radius * 0.8} y={spot.y - radius * 0.8 + 3.5}>
            {node.unread > 99 ? '99+' : node.unread}
          </text>
        </g>
      )}
      <text x={spot.labelX} y={spot.labelY} text-anchor={spot.anchor} class="label">
        {short(name, 20)}
      </text>
      {!dense && radius > 12 && (
        <text x={spot.labelX} y={spot.labelY + 14} text-anchor="middle" class="sublabel">
          {leads ? `leads · ${node.agentType}` : node.agentType}
        </text>
      )}
    </g>
  )
}

const short = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text)

const wordsOf = (node: OverviewPeer, leads: boolean) =>
  [
    shown(node.name),
    node.agentType,
    node.kind === 'known' ? '' : node.status,
    leads ? 'leads' : '',
    node.unread > 0 ? `${node.unread} unread` : '',
    shown(node.summary),
  ]
    .filter(Boolean)
    .join(', ')
