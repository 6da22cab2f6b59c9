import { eastAsianWidth } from 'get-east-asian-width'

/**
 * How many columns of a terminal a text takes: string-width's rules on its table, whose other half (a pattern of all
 * emoji) costs a command half of its start when it is loaded. What needs patterns of Unicode is made only when a text is
 * not plain ASCII. A test holds it to string-width.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is where they are
const ASCII = /^[\u0000-\u007f]*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: they take no room
const CONTROLS = /[\u0000-\u001f\u007f]/g

let segmenter: Intl.Segmenter | undefined

/** Characters as a reader counts them. Pure. */
export function characters(text: string): string[] {
  if (ASCII.test(text)) return [...text]
  segmenter ??= new Intl.Segmenter()
  return [...segmenter.segment(text)].map(({ segment }) => segment)
}

/** Pure. */
export function width(text: string): number {
  if (ASCII.test(text)) return text.replace(CONTROLS, '').length
  return characters(text).reduce((sum, character) => sum + widthOf(character), 0)
}

const JAMO = /^[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]/

/** Made at the first text that needs them. */
let tables: { invisible: RegExp; emoji: RegExp; spacing: RegExp; syllables: RegExp } | undefined

function widthOf(character: string): number {
  tables ??= {
    invisible: /^[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\p{Mn}\p{Me}]+/u,
    emoji: /(?!\p{RI})\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[0-9#*]\ufe0f?\u20e3|\p{RI}\p{RI}/u,
    spacing: /\p{Mc}|[\uff00-\uffef]/gu,
    // Letters of Hangul: what stands for one syllable is one character, what does not stands side by side.
    syllables: /[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6][\u11a8-\u11ff\ud7cb-\ud7fb]?|./gsu,
  }
  const { invisible, emoji, spacing, syllables } = tables
  const visible = character.replace(invisible, '')
  if (visible === '') return 0
  if (emoji.test(visible)) return 2
  const [first = '', ...rest] = visible
  const columns = (one: string) => eastAsianWidth(one.codePointAt(0) ?? 0)
  if (JAMO.test(first))
    return (visible.match(syllables) ?? []).reduce(
      (sum, one) => sum + (invisible.test(one) ? 0 : one.length > 1 ? 2 : columns(one)),
      0,
    )
  return columns(first) + (rest.join('').match(spacing)?.length ?? 0)
}
