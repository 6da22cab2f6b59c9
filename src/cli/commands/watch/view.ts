import { bytes, grouped } from '../../../core/words.ts'
import { type Controls, clamp } from './controls.ts'
import { type Layout, layOut, PANES, type Pane, type Place, type Size, SMALLEST, titleRows } from './layout.ts'
import { both, inColumns, type Line, oneLine, type Span, span, toWidth, widthOf } from './line.ts'
import type { Link, Model } from './model.ts'
import { type Columns, columnsOf } from './panes.ts'
import { timeOfDay } from './words.ts'

/** The whole screen: as many lines as it has rows, each exactly as wide as it is. Pure. */

const NAMES: Record<Pane, string> = { peers: 'Peers', mail: 'Mail', locks: 'Locks', events: 'Events' }
const NOTHING: Record<Pane, string> = {
  peers: 'Nobody is here: each agent session that starts the server joins by itself.',
  mail: 'No mail yet.',
  locks: 'Nothing is locked.',
  events: 'Nothing has happened yet.',
}

/** From so many columns on, a peer's status has one of its own. */
const ROOMY = 100

export function view(current: Model, controls: Controls, size: Size, now: number): Line[] {
  const { columns, rows } = size
  const model = controls.paused?.model ?? current
  const moment = controls.paused?.at ?? now
  const layout = layOut(size, model.peers.length, controls.zoomed ? controls.focus : undefined)
  if (!layout) return tooSmall(size)
  const body = controls.help ? helpText(size) : panes(model, controls, layout, size, moment)
  const lines = [title(model.link, controls, columns, now), counts(model, columns), ...body]
  return [...lines.slice(0, rows - 1), footer(columns)]
}

function tooSmall({ columns, rows }: Size): Line[] {
  const words = [`${SMALLEST.columns}×${SMALLEST.rows} needed`, `this is ${columns}×${rows}`, 'q quits']
  return Array.from({ length: rows }, (_, i) => toWidth([span(words[i] ?? '')], columns))
}

const DOT = span(' · ', 'dim')

/** As many of the parts, from the left, as there is room for; the first one in any case. */
function dotted(parts: readonly (Span | undefined)[], room: number): Line {
  const given = parts.filter((part) => part !== undefined)
  for (let count = given.length; count > 1; count--) {
    const line = given.slice(0, count).flatMap((part, i) => (i === 0 ? [part] : [DOT, part]))
    if (widthOf(line) <= room) return line
  }
  return toWidth(given.slice(0, 1), room)
}

function title(link: Link, { paused }: Controls, columns: number, now: number): Line {
  const clock = timeOfDay(new Date(now).toISOString())
  const right = paused
    ? [span(` PAUSED at ${timeOfDay(new Date(paused.at).toISOString())} `, ['inverse', 'yellow']), span(' ')]
    : [span(`  ${clock} `, 'dim')]
  const left = span(' SLM Mesh  ', 'bold')
  return both([left, ...leadership(link, columns - widthOf([left, ...right]))], right, columns)
}

function leadership(link: Link, room: number): Line {
  if (link.via === 'nothing') return [span(oneLine(link.why), 'yellow')]
  const { leader, last, term } = link
  if (!leader)
    return dotted(
      [
        span('Nobody leads: the file answers', 'yellow'),
        last === null ? undefined : span(`${oneLine(last)} led last`),
        span(`term ${term}`, 'dim'),
      ],
      room,
    )
  return dotted(
    [
      span(`★ ${oneLine(leader.name)} leads term ${term}`, 'green'),
      leader.answers ? undefined : span('does not answer', 'yellow'),
      span(`pid ${leader.pid}`, 'dim'),
      leader.port === null ? undefined : span(`port ${leader.port}`, 'dim'),
      span(`since ${timeOfDay(new Date(leader.electedAt).toISOString())}`, 'dim'),
    ],
    room,
  )
}

function counts({ counts: known, outage, dataDir }: Model, columns: number): Line {
  if (outage !== null) return toWidth([span(` ${oneLine(outage)}`, 'yellow')], columns)
  if (!known) return toWidth([span(` ${oneLine(dataDir)}`, 'dim')], columns)
  const { peers, messages, locks, events, db } = known
  const left = [
    span(' '),
    ...dotted(
      [
        span(`${peers.active} active`, peers.active > 0 ? 'green' : undefined),
        peers.stale > 0 ? span(`${peers.stale} stale`, 'yellow') : undefined,
        peers.away > 0 ? span(`${peers.away} away`, 'dim') : undefined,
        span(`mail ${grouped(messages.total)}`),
        messages.unread > 0 ? span(`${grouped(messages.unread)} unread`, 'yellow') : undefined,
        span(`locks ${grouped(locks)}`),
        span(`events ${grouped(events)}`),
        span(`${bytes(db.sizeBytes)} + WAL ${bytes(db.walSizeBytes)}`, 'dim'),
      ],
      columns - 2,
    ),
  ]
  const where = [span(`  ${oneLine(dataDir)} `, 'dim')]
  return widthOf(left) + widthOf(where) <= columns ? both(left, where, columns) : toWidth(left, columns)
}

function panes(model: Model, controls: Controls, layout: Layout, { columns, rows }: Size, now: number): Line[] {
  const shown = columnsOf(model, now, columns < ROOMY)
  // Panes beside each other share rows; a bar stands in the column that the layout leaves between them.
  const lines: Span[][] = Array.from({ length: rows }, () => [])
  const places = PANES.flatMap((pane) => (layout[pane] ? [{ pane, place: layout[pane] }] : []))
  for (const { pane, place } of places.sort((a, b) => a.place.left - b.place.left)) {
    const drawn = paneLines(pane, model, controls, shown, place, place.left === 0 && place.width < columns)
    drawn.forEach((line, i) => {
      const row = lines[place.top + i]
      if (!row) return
      if (place.left > 0) row.push(span(i === 0 ? '─' : '│', 'dim'))
      row.push(...line)
    })
  }
  return lines.slice(2).map((line) => toWidth(line, columns))
}

function paneLines(
  pane: Pane,
  model: Model,
  controls: Controls,
  shown: Columns,
  { width, height }: Place,
  hasNeighbour: boolean,
): Line[] {
  const room = height - titleRows(pane)
  const total = model[pane].length
  const from = clamp(controls.scrolled[pane], total, room)
  const to = Math.min(total, from + room)
  const inner = width - (hasNeighbour ? 2 : 1)
  const { titles, lines } = rowsOf(pane, model, shown, inner)
  const said = total === 0 ? [toWidth([span(NOTHING[pane], 'dim')], inner)] : lines(from, to)
  const body = [...(titleRows(pane) > 1 ? [titles] : []), ...said].map((line) => toWidth([span(' '), ...line], width))
  const heading = rule(pane, controls.focus === pane, total > room ? `${from + 1}–${to} of ${total}` : `${total || ''}`, width)
  const blank = toWidth([], width)
  return Array.from({ length: height }, (_, i) => (i === 0 ? heading : (body[i - 1] ?? blank)))
}

/** The rows of a pane belong to its columns; TypeScript sees that one pane at a time. */
function rowsOf(pane: Pane, model: Model, shown: Columns, width: number) {
  switch (pane) {
    case 'peers':
      return inColumns(shown.peers, model.peers, width)
    case 'mail':
      return inColumns(shown.mail, model.mail, width)
    case 'locks':
      return inColumns(shown.locks, model.locks, width)
    case 'events':
      return inColumns(shown.events, model.events, width)
  }
}

function rule(pane: Pane, isFocused: boolean, right: string, width: number): Line {
  const stroke = isFocused ? '━' : '─'
  const style = isFocused ? 'cyan' : 'dim'
  const end = right === '' ? stroke : ` ${right} ${stroke}`
  const name = `${PANES.indexOf(pane) + 1} ${NAMES[pane]}`
  const start: Line = [span(`${stroke} `, style), span(name, isFocused ? ['bold', 'cyan'] : 'bold'), span(' ', style)]
  const between = Math.max(0, width - widthOf(start) - widthOf([span(end)]))
  return toWidth([...start, span(stroke.repeat(between), style), span(end, style)], width)
}

const HELP: readonly (readonly [string, string])[] = [
  ['q  Esc  Ctrl-C', 'quit'],
  ['Tab  ←  →', 'the next pane, the one before'],
  ['1 2 3 4', 'peers, mail, locks, events'],
  ['↑ ↓  PgUp PgDn', 'scroll the pane with the heavy line'],
  ['Home  End', 'its beginning, its end'],
  ['z  Enter', 'that pane alone, and back'],
  ['p', 'pause: look at this moment for longer'],
  ['Ctrl-L', 'draw everything anew'],
  ['', ''],
  ['★', 'leads; ● active  ◐ stale  ○ away'],
  ['queued', 'stored; notified: its agent was told'],
  ['seen', 'its agent has read it; acked: and replied'],
]

function helpText({ columns, rows }: Size): Line[] {
  const keys = Math.max(...HELP.map(([key]) => widthOf([span(key)])))
  const lines = HELP.map(([key, what]) =>
    toWidth([span('  '), ...toWidth([span(key, 'bold')], keys), span('  '), span(what)], columns),
  )
  return Array.from({ length: rows - 2 }, (_, i) => lines[i - 1] ?? toWidth([], columns))
}

function footer(columns: number): Line {
  const keys = [
    ...(['q', 'quit'] as const),
    ...(['Tab', 'pane'] as const),
    ...(['↑↓', 'scroll'] as const),
    ...(['z', 'zoom'] as const),
    ...(['p', 'pause'] as const),
    ...(['?', 'keys'] as const),
  ]
  return toWidth(
    [span(' '), ...keys.map((text, i) => span(`${text}${i % 2 === 0 ? ' ' : '   '}`, i % 2 === 0 ? 'bold' : 'dim'))],
    columns,
  )
}
