/** What was typed, one key at a time. Pure. */

export const ESCAPE = '\u001b'

// A control sequence, a function key, Alt with a key, or a character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
const KEY = /\u001b\[[0-?]*[ -/]*[@-~]|\u001bO.|\u001b(?=\u001b|$)|\u001b[^[O]|./gsu
/** The beginning of a sequence of which the rest may still be on its way. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys are control characters
const BEGUN = /\u001b(?:O|\[[0-?]*[ -/]*)?$/

/** Whole keys, and what may be the beginning of one. An Escape that stays alone for a moment was the key itself. */
export function split(typed: string): { keys: string[]; rest: string } {
  const rest = BEGUN.exec(typed)?.[0] ?? ''
  return { keys: typed.slice(0, typed.length - rest.length).match(KEY) ?? [], rest }
}
