import { cut, fitted, pad } from '../../table.ts'
import { type Style, safe } from '../../terminal.ts'
import { width } from '../../width.ts'

/** Lines of a screen: pieces of text in one style each, exactly as wide as they must be. Pure. */

export interface Span {
  readonly text: string
  readonly style?: Style | undefined
}

export type Line = readonly Span[]

export const span = (text: string, style?: Style): Span => ({ text, style })

/** Printable ASCII and our own signs are one column each; finding that out is far cheaper than measuring. */
const NARROW = /^[ -~→★●◐○↩…·─━│]*$/
export const isNarrow = (text: string) => NARROW.test(text)
const measured = (text: string) => (isNarrow(text) ? text.length : width(text))

export const widthOf = (line: Line) => line.reduce((sum, { text }) => sum + measured(text), 0)

/** Cut or filled up to exactly so many columns. */
export function toWidth(line: Line, columns: number): Line {
  const kept: Span[] = []
  let room = columns
  for (const { text, style } of line) {
    const own = measured(text)
    if (own <= room) {
      kept.push({ text, style })
      room -= own
      continue
    }
    if (room > 0) {
      // Half of a wide character does not fit.
      const shortened = cut(text, room)
      kept.push({ text: shortened, style })
      room -= measured(shortened)
    }
    break
  }
  return room > 0 ? [...kept, span(' '.repeat(room))] : kept
}

/** Left and right on one line; the right one stays whole. */
export function both(left: Line, right: Line, width: number): Line {
  const own = widthOf(right)
  return own >= width ? toWidth(right, width) : [...toWidth(left, width - own), ...right]
}

/** No text of others is longer than a screen can show; so much of it is looked at. */
const LOOKED_AT = 600

/** What needs no second look, as most names do not. */
const PLAIN = /^[!-~]*(?: [!-~]+)*$/

/** Text of others as one line of ours: nothing in it moves the cursor, and no mark is piled on marks. */
export function oneLine(text: string): string {
  const shown = text.slice(0, LOOKED_AT)
  if (PLAIN.test(shown)) return shown
  const tidy = shown.toWellFormed().replace(/\s+/g, ' ').trim()
  return safe(tidy.replace(/(\p{M}{3})\p{M}+/gu, '$1'))
}

export interface Cell extends Span {
  /** Where something is missing when it is cut. */
  readonly cut?: 'end' | 'start'
}

export interface Column<Row> {
  readonly title?: string
  readonly of: (row: Row) => Cell
  readonly align?: 'right'
  /** May be cut down to this many characters. Without it, never. */
  readonly min?: number
  /** Known without looking at the rows. */
  readonly width?: number
  /** Takes all the room that the others leave. */
  readonly fills?: true
}

const GAP = '  '

/** Rows in columns; widths follow from all rows, so that scrolling moves nothing. What has no room is left out on the right. */
export function inColumns<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number) {
  const natural = columns.map((column) =>
    column.fills
      ? width
      : (column.width ?? rows.reduce((most, row) => Math.max(most, measured(column.of(row).text)), measured(column.title ?? ''))),
  )
  const { widths } = fitted(columns, natural, width)
  const line = (row: readonly Cell[]): Line =>
    toWidth(
      widths.flatMap((own, i) => {
        const cell: Cell = row[i] ?? span('')
        const text = pad(cut(cell.text, own, cell.cut), own, columns[i]?.align)
        return [...(i === 0 ? [] : [span(GAP)]), { text, style: cell.style }]
      }),
      width,
    )
  return {
    titles: line(columns.map((column) => span(column.title ?? '', 'dim'))),
    lines: (from: number, to: number) => rows.slice(from, to).map((row) => line(columns.map((column) => column.of(row)))),
  }
}
