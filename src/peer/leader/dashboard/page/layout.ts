import type { Overview, OverviewMessage, OverviewPeer } from '../contract.ts'

/** Where the graph's nodes stand, and what runs between them. Pure, and the same for the same peers. */

const RING_UP_TO = 40

export interface Spot {
  readonly id: string
  readonly x: number
  readonly y: number
  /** Where the label hangs. */
  readonly anchor: 'start' | 'middle' | 'end'
  readonly labelX: number
  readonly labelY: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly radius: number
  readonly dense: boolean
  readonly spots: ReadonlyMap<string, Spot>
}

/** `narrow`: for a window as wide as a phone's. */
export function layoutOf(ids: readonly string[], narrow = false): Layout {
  return ids.length > RING_UP_TO ? gridOf(ids) : ringOf(ids, narrow)
}

function ringOf(ids: readonly string[], narrow: boolean): Layout {
  const crowded = ids.length > 12
  const [width, height] = crowded ? [760, 620] : narrow ? [340, 380] : [500, 440]
  const radius = crowded ? 11 : 19
  const [rx, ry] = ids.length < 2 ? [0, 0] : [width / 2 - (crowded ? 150 : narrow ? 56 : 84), height / 2 - (crowded ? 60 : 62)]
  const spots = ids.map((id, i): [string, Spot] => {
    const angle = (i / ids.length) * 2 * Math.PI - Math.PI / 2
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
    const x = width / 2 + rx * cos
    const y = height / 2 - (crowded ? 0 : 8) + ry * sin
    if (!crowded) return [id, { id, x, y, anchor: 'middle', labelX: x, labelY: y + radius + 16 }]
    const anchor = Math.abs(cos) < 0.15 ? 'middle' : cos > 0 ? 'start' : 'end'
    return [id, { id, x, y, anchor, labelX: x + cos * (radius + 8), labelY: y + sin * (radius + 12) + 4 }]
  })
  return { width, height, radius, dense: false, spots: new Map(spots) }
}

const CELL = { width: 30, height: 30 }
/** Around the grid, for the labels of those at its rim. */
const MARGIN = { x: 34, y: 14 }

function gridOf(ids: readonly string[]): Layout {
  const columns = Math.ceil(Math.sqrt(ids.length * 1.2))
  const rows = Math.ceil(ids.length / columns)
  const spots = ids.map((id, i): [string, Spot] => {
    const x = MARGIN.x + ((i % columns) + 0.5) * CELL.width
    const y = MARGIN.y + (Math.floor(i / columns) + 0.5) * CELL.height
    return [id, { id, x, y, anchor: 'middle', labelX: x, labelY: y - 11 }]
  })
  return {
    width: columns * CELL.width + 2 * MARGIN.x,
    height: rows * CELL.height + 2 * MARGIN.y,
    radius: 7.5,
    dense: true,
    spots: new Map(spots),
  }
}

/** Who stands in the graph: whoever is there, and whoever mail or a lock ties to them. In the order of their names. */
export function nodesOf(overview: Overview, edges: readonly Edge[]): readonly OverviewPeer[] {
  const tied = new Set([
    ...edges.flatMap(({ a, b }) => [a, b]),
    ...waitsOf(overview).flatMap(({ waiter, holder }) => [waiter, holder]),
  ])
  return overview.peers
    .filter((peer) => (peer.kind !== 'known' && peer.status !== 'away') || tied.has(peer.id))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1))
}

/** Mail between two, in either direction. */
export interface Edge {
  readonly a: string
  readonly b: string
  readonly count: number
  readonly unread: number
}

export function edgesOf(messages: readonly OverviewMessage[]): readonly Edge[] {
  const edges = new Map<string, { a: string; b: string; count: number; unread: number }>()
  for (const { from, to, state } of messages) {
    if (from.id === to.id) continue
    const [a, b] = from.id < to.id ? [from.id, to.id] : [to.id, from.id]
    const key = `${a} ${b}`
    const edge = edges.get(key) ?? { a, b, count: 0, unread: 0 }
    edge.count++
    if (state === 'queued' || state === 'notified') edge.unread++
    edges.set(key, edge)
  }
  return [...edges.values()]
}

/** Who waits for whom, over which file. */
export interface Waiting {
  readonly waiter: string
  readonly waiterName: string
  readonly holder: string
  readonly holderName: string
  readonly filePath: string
}

export const waitsOf = ({ locks }: Overview): readonly Waiting[] =>
  locks.flatMap(({ filePath, holder, waiters }) =>
    waiters.map(({ id, name }) => ({ waiter: id, waiterName: name, holder: holder.id, holderName: holder.name, filePath })),
  )

/** A line between two nodes that ends at their rims; bent a little, so that what runs both ways, or beside it, is seen apart. */
export function curve(
  from: Spot,
  to: Spot,
  radius: number,
  bend: number,
  labelAt = 0.5,
): { path: string; midX: number; midY: number } {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = Math.hypot(dx, dy) || 1
  const [ux, uy] = [dx / length, dy / length]
  const gap = radius + 3
  const [x1, y1, x2, y2] = [from.x + ux * gap, from.y + uy * gap, to.x - ux * gap, to.y - uy * gap]
  const [cx, cy] = [(x1 + x2) / 2 - uy * bend, (y1 + y2) / 2 + ux * bend]
  const round = (n: number) => Math.round(n * 10) / 10
  const t = labelAt
  const at = (a: number, c: number, b: number) => (1 - t) ** 2 * a + 2 * t * (1 - t) * c + t ** 2 * b
  return {
    path: `M${round(x1)} ${round(y1)}Q${round(cx)} ${round(cy)} ${round(x2)} ${round(y2)}`,
    midX: round(at(x1, cx, x2)),
    midY: round(at(y1, cy, y2)),
  }
}
