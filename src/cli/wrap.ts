import stringWidth from 'string-width'

/**
 * Text in lines of at most `width` columns of a terminal, broken between words; those after the first begin with
 * `indent` spaces. A word that is too long for a line of its own stays whole: a path or a command is there to be copied.
 * Pure.
 */
export function wrap(text: string, width: number, indent = 0): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    const room = width - (lines.length > 0 ? indent : 0)
    if (line !== '' && stringWidth(longer) > room) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
