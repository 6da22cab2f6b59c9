import { paint, type Style, safe, type Terminal } from './terminal.ts'
import { characters, width as widthOf } from './width.ts'

/**
 * Rows in columns. On a terminal they fit its width: the widest columns that may be cut are cut, with an ellipsis where
 * something is missing; what does not fit even so is left out from the right, and said. For a program, whole values
 * between tabs.
 */
export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  readonly align?: 'right'
  /** May be cut down to this many characters. Without it, never. */
  readonly min?: number
  /** Where something is missing: at the end, or at the beginning (of a path). */
  readonly cut?: 'end' | 'start'
  readonly style?: (row: Row) => Style | undefined
}

const GAP = '  '

export function table<Row>(terminal: Terminal, columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map((column) => safe(column.of(row))))
  if (!terminal.isTty) return cells.map((row) => row.join('\t')).join('\n')
  const natural = columns.map((column, i) => Math.max(widthOf(column.title), ...cells.map((row) => widthOf(row[i] ?? ''))))
  const { widths, left } = fitted(columns, natural, terminal.size().columns)
  const line = (texts: readonly string[], style: (i: number) => Style | undefined) =>
    widths
      .map((width, i) => {
        const text = pad(cut(texts[i] ?? '', width, columns[i]?.cut), width, columns[i]?.align)
        const wanted = style(i)
        return wanted === undefined ? text : paint(terminal, wanted, text)
      })
      .join(GAP)
      .trimEnd()
  return [
    line(
      columns.map((column) => column.title),
      () => 'dim',
    ),
    ...rows.map((row, r) => line(cells[r] ?? [], (i) => columns[i]?.style?.(row))),
    ...(left.length > 0
      ? [paint(terminal, 'dim', cut(`(no room for: ${left.map((column) => column.title).join(', ')})`, terminal.size().columns))]
      : []),
  ].join('\n')
}

/** How wide each column is, and which ones are left out. Pure. */
export function fitted<C extends { min?: number }>(
  columns: readonly C[],
  natural: readonly number[],
  room: number,
): { widths: number[]; left: C[] } {
  for (let count = columns.length; count > 1; count--) {
    const widths = natural.slice(0, count)
    const over = () => widths.reduce((sum, width) => sum + width, 0) + GAP.length * (count - 1) - room
    const floor = (i: number) => Math.min(natural[i] ?? 0, columns[i]?.min ?? Number.POSITIVE_INFINITY)
    while (over() > 0) {
      // One character from the widest that may still give one.
      const giving = widths.map((width, i) => (width > floor(i) ? width : 0))
      const most = Math.max(...giving)
      if (most === 0) break
      widths[giving.indexOf(most)] = most - 1
    }
    if (over() <= 0) return { widths, left: columns.slice(count) }
  }
  return { widths: [Math.min(natural[0] ?? 0, room)], left: columns.slice(1) }
}

/** At most `width` columns of a terminal, whole characters only; an ellipsis stands for what is missing. Pure. */
export function cut(text: string, width: number, where: 'end' | 'start' = 'end'): string {
  if (widthOf(text) <= width) return text
  if (width <= 0) return ''
  const all = characters(text)
  if (where === 'start') all.reverse()
  const kept: string[] = []
  let used = 1
  for (const character of all) {
    used += widthOf(character)
    if (used > width) break
    kept.push(character)
  }
  return where === 'start' ? `…${kept.reverse().join('')}` : `${kept.join('')}…`
}

/** Filled up with spaces to `width` columns of a terminal. Pure. */
export function pad(text: string, width: number, align?: 'right'): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(text)))
  return align === 'right' ? space + text : text + space
}
