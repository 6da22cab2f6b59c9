/**
 * How many columns of a terminal a text takes. Written out here because loading string-width costs a command more time
 * than all of its own work: what needs Unicode's tables is made only when a text is not plain ASCII. A test holds it to
 * string-width.
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

/** Made at the first text that needs them. */
let tables: { invisible: RegExp; emoji: RegExp; wide: RegExp; spacing: RegExp } | undefined

function widthOf(character: string): number {
  tables ??= {
    invisible: /^[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}\p{Cs}\p{Mn}\p{Me}]+/u,
    emoji: /(?!\p{RI})\p{Emoji_Presentation}|\p{Emoji}\ufe0f|[0-9#*]\ufe0f?\u20e3|\p{RI}\p{RI}/u,
    // East Asian Wide and Fullwidth, beside the emoji among them.
    wide: /^[\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u3247\u3250-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2fb}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u,
    spacing: /\p{Mc}|[\uff00-\uffef]/gu,
  }
  const { invisible, emoji, wide, spacing } = tables
  const visible = character.replace(invisible, '')
  if (visible === '') return 0
  if (emoji.test(visible)) return 2
  const [first = '', ...rest] = visible
  return (wide.test(first) ? 2 : 1) + (rest.join('').match(spacing)?.length ?? 0)
}
