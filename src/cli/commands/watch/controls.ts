import { ESCAPE } from './keys.ts'
import { layOut, PANES, type Pane, roomIn, type Size } from './layout.ts'
import type { Model } from './model.ts'

/** What the person at the keyboard has chosen to look at. Pure. */

export interface Controls {
  readonly focus: Pane
  /** How many rows of each pane are above what it shows. */
  readonly scrolled: Readonly<Record<Pane, number>>
  /** The focused pane has the whole screen. */
  readonly zoomed: boolean
  /** What is shown instead of the present, and since when. */
  readonly paused: { readonly model: Model; readonly at: number } | null
  readonly help: boolean
}

export const START: Controls = {
  focus: 'peers',
  scrolled: { peers: 0, mail: 0, locks: 0, events: 0 },
  zoomed: false,
  paused: null,
  help: false,
}

const KEYS: Readonly<Record<string, 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last' | 'next' | 'before'>> = {
  ...{ '\u001b[A': 'up', '\u001bOA': 'up', k: 'up', '\u001b[B': 'down', '\u001bOB': 'down', j: 'down' },
  ...{ '\u001b[5~': 'page-up', '\u001b[6~': 'page-down', ' ': 'page-down' },
  ...{ '\u001b[H': 'first', '\u001bOH': 'first', '\u001b[1~': 'first', g: 'first' },
  ...{ '\u001b[F': 'last', '\u001bOF': 'last', '\u001b[4~': 'last', G: 'last' },
  ...{ '\t': 'next', '\u001b[C': 'next', '\u001bOC': 'next', '\u001b[Z': 'before', '\u001b[D': 'before', '\u001bOD': 'before' },
}

/** Ctrl-C, and Ctrl-D, which is also what the end of the keyboard looks like. */
const isEnd = (key: string) => key === '\u0003' || key === '\u0004'

/** What a key changes; undefined where it ends the watching. */
export function press(controls: Controls, key: string, model: Model, size: Size, now: number): Controls | undefined {
  if (isEnd(key)) return undefined
  // Whoever reads the help closes it first.
  if (controls.help) return { ...controls, help: false }
  if (key === 'q' || key === ESCAPE) return undefined
  if (key === '?' || key === 'h') return { ...controls, help: true }
  if (key === 'p') return { ...controls, paused: controls.paused ? null : { model, at: now } }
  if (key === 'z' || key === '\r') return { ...controls, zoomed: !controls.zoomed }
  const numbered = PANES[Number(key) - 1]
  if (numbered) return { ...controls, focus: numbered }
  const move = KEYS[key]
  if (move === undefined) return controls
  if (move === 'next' || move === 'before') {
    const at = PANES.indexOf(controls.focus) + (move === 'next' ? 1 : PANES.length - 1)
    return { ...controls, focus: PANES[at % PANES.length] ?? controls.focus }
  }
  const shown = controls.paused?.model ?? model
  const { focus, zoomed } = controls
  const room = roomIn(layOut(size, shown.peers.length, zoomed ? focus : undefined), focus)
  const total = shown[focus].length
  const at = clamp(controls.scrolled[focus], total, room)
  const to = { up: at - 1, down: at + 1, 'page-up': at - room, 'page-down': at + room, first: 0, last: total }[move]
  return { ...controls, scrolled: { ...controls.scrolled, [focus]: clamp(to, total, room) } }
}

/** The first row shown, so that the last page is full. */
export const clamp = (at: number, total: number, room: number) => Math.max(0, Math.min(at, total - room))

/** What has come on top pushes down what somebody is reading, and the reader with it. */
export function keepPlace(controls: Controls, before: Model, after: Model): Controls {
  if (controls.paused || (before.mail === after.mail && before.events === after.events)) return controls
  const moved = (pane: 'mail' | 'events') => {
    const at = controls.scrolled[pane]
    const top = before[pane][0]?.id
    return at === 0
      ? 0
      : at +
          Math.max(
            0,
            after[pane].findIndex(({ id }) => id === top),
          )
  }
  return { ...controls, scrolled: { ...controls.scrolled, mail: moved('mail'), events: moved('events') } }
}
