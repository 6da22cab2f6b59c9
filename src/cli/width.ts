import stringWidth from 'string-width'

/**
 * How many columns of a terminal a text takes, and its characters: string-width's rules. Its pattern of all emoji costs a
 * command half of its start, so it is loaded for text that needs it, and what our own screens are made of does not.
 */

/** ASCII, Latin, and the punctuation, arrows, lines and signs of our tables: one column each, whatever stands beside them. */
const PLAIN = /^[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2190-\u21ff\u2500-\u257f\u25cb\u25cf\u25d0\u2605\u2713\u2717]*$/

let segmenter: Intl.Segmenter | undefined

/** Characters as a reader counts them. Pure. */
export function characters(text: string): string[] {
  if (PLAIN.test(text)) return [...text]
  segmenter ??= new Intl.Segmenter()
  return [...segmenter.segment(text)].map(({ segment }) => segment)
}

/** Pure. */
export function width(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text)
}
