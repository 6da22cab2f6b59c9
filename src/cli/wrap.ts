import stringWidth from 'string-width'

const segmenter = new Intl.Segmenter()

/**
 * One line in lines of at most `width` columns: broken after a space where there is one, otherwise anywhere but inside a
 * character. Nothing is left out. Pure.
 */
export function wrap(line: string, width: number): string[] {
  if (stringWidth(line) <= width) return [line]
  const lines: string[] = []
  let current = ''
  let used = 0
  /** How much of `current` stands before the last place where it may be broken. */
  let breakAt = 0
  for (const { segment } of segmenter.segment(line)) {
    const columns = stringWidth(segment)
    while (used + columns > width && current !== '') {
      const at = breakAt > 0 ? breakAt : current.length
      lines.push(current.slice(0, at))
      current = current.slice(at)
      used = stringWidth(current)
      breakAt = 0
    }
    current += segment
    used += columns
    if (segment === ' ') breakAt = current.length
  }
  return [...lines, current]
}
