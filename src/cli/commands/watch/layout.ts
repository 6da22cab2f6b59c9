/** Where on a screen of a given size each pane stands. Pure. */

export const PANES = ['peers', 'mail', 'locks', 'events'] as const
export type Pane = (typeof PANES)[number]

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface Place {
  readonly top: number
  readonly left: number
  readonly width: number
  /** With its title. */
  readonly height: number
}

export type Layout = Partial<Readonly<Record<Pane, Place>>>

export const SMALLEST: Size = { columns: 40, rows: 12 }
const HEADER_ROWS = 2
const FOOTER_ROWS = 1
/** From here on, mail stands beside locks and events. */
const WIDE: Size = { columns: 150, rows: 20 }
/** A pane's title, and for peers the titles of their columns. */
export const titleRows = (pane: Pane) => (pane === 'peers' ? 2 : 1)

/**
 * The layout follows from the size and the number of peers alone: what comes and goes in a pane moves no other. Undefined
 * where nothing sensible fits.
 */
export function layOut({ columns, rows }: Size, peers: number, zoomed: Pane | undefined): Layout | undefined {
  if (columns < SMALLEST.columns || rows < SMALLEST.rows) return undefined
  const height = rows - HEADER_ROWS - FOOTER_ROWS
  const whole = { top: HEADER_ROWS, left: 0, width: columns, height }
  if (zoomed) return { [zoomed]: whole }
  const wide = columns >= WIDE.columns && rows >= WIDE.rows
  const share = Math.floor(height * 0.36)
  // Nobody is there yet: room for a sentence.
  const head = Math.max(titleRows('peers') + 1, Math.min(share, titleRows('peers') + peers))
  const below = { top: HEADER_ROWS + head, height: height - head }
  const peersPlace = { ...whole, height: head }
  if (wide) {
    const left = Math.floor((columns - 1) * 0.55)
    const right = { left: left + 1, width: columns - left - 1 }
    const upper = Math.floor(below.height * 0.4)
    return {
      peers: peersPlace,
      mail: { ...below, left: 0, width: left },
      locks: { ...right, top: below.top, height: upper },
      events: { ...right, top: below.top + upper, height: below.height - upper },
    }
  }
  const locks = Math.max(2, Math.floor(below.height * 0.27))
  const mail = Math.ceil((below.height - locks) / 2)
  const at = (top: number, own: number) => ({ left: 0, width: columns, top, height: own })
  return {
    peers: peersPlace,
    mail: at(below.top, mail),
    locks: at(below.top + mail, locks),
    events: at(below.top + mail + locks, below.height - mail - locks),
  }
}

/** Rows of a pane that show something. */
export const roomIn = (layout: Layout | undefined, pane: Pane): number =>
  Math.max(0, (layout?.[pane]?.height ?? 0) - titleRows(pane))
