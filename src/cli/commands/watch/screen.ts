import { paint } from '../../terminal.ts'
import { width as widthOf } from '../../width.ts'
import type { Size } from './layout.ts'
import { isNarrow, type Line } from './line.ts'

/**
 * From lines to what a terminal is told: one write a frame, only lines that have changed, shown at once where the
 * terminal can (synchronised output). Pure.
 *
 * Nothing ever scrolls: every line is placed, and wrapping is off, so that a screen that has just become smaller cuts
 * what was meant for the larger one. Terminals disagree on how wide some characters are; after each such one the next is
 * placed again, so that columns stay where they are.
 */

const CSI = '\u001b['
/** The other screen, no cursor, no wrapping. */
export const ENTER = `${CSI}?1049h${CSI}?25l${CSI}?7l`
/** The terminal as it was. Cleared first: some multiplexers mix what was seen into the other screen if they were resized meanwhile. */
export const LEAVE = `${CSI}?2026l${CSI}0m${CSI}2J${CSI}?7h${CSI}?25h${CSI}?1049l`

export interface Frame extends Size {
  /** What makes each row what it is. */
  readonly written: readonly string[]
}

/** What turns the screen from one frame into the next; nothing, where nothing has changed. */
export function draw(
  before: Frame | undefined,
  lines: readonly Line[],
  size: Size,
  colour: boolean,
): { frame: Frame; bytes: string } {
  const written = lines.map((line) => bytesOf(line, colour))
  const isSame = before?.columns === size.columns && before.rows === size.rows
  const changed = written.flatMap((bytes, i) => (isSame && before.written[i] === bytes ? [] : [`${CSI}${i + 1};1H${bytes}`]))
  const frame = { ...size, written }
  if (changed.length === 0) return { frame, bytes: '' }
  return { frame, bytes: `${CSI}?2026h${isSame ? '' : `${CSI}0m${CSI}2J`}${changed.join('')}${CSI}?2026l` }
}

// Latin, Greek, Cyrillic, our own lines and signs, and what is certainly two columns wide.
const CERTAIN =
  /^(?:[\u0020-\u007e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u0384-\u0386\u0388-\u03ff\u0400-\u0482\u048a-\u052f–…←→↑↓↩─━│★●◐○×]|[\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3])$/u

const segmenter = new Intl.Segmenter()

function bytesOf(line: Line, colour: boolean): string {
  let column = 0
  let isDoubtful = false
  const pieces: string[] = []
  for (const { text, style } of line) {
    let out = ''
    if (isNarrow(text)) {
      out = text
      column += text.length
    } else
      for (const { segment } of segmenter.segment(text)) {
        out += segment
        column += widthOf(segment)
        if (CERTAIN.test(segment)) continue
        isDoubtful = true
        out += `${CSI}${column + 1}G`
      }
    pieces.push(style === undefined ? out : paint({ colour }, style, out))
  }
  // What a narrower character leaves uncovered must not show what stood there before.
  return `${isDoubtful ? `${CSI}2K` : ''}${pieces.join('')}`
}
