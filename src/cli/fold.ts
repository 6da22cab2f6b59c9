import { characters, width } from './width.ts'

/**
 * One line in lines of at most so many columns: broken after a space where there is one, otherwise anywhere but inside a
 * character. Nothing is left out. Pure.
 */
export function fold(line: string, columns: number): string[] {
  if (width(line) <= columns) return [line]
  const lines: string[] = []
  let current = ''
  let used = 0
  /** How much of `current` stands before the last place where it may be broken. */
  let breakAt = 0
  for (const character of characters(line)) {
    const needed = width(character)
    while (used + needed > columns && current !== '') {
      const at = breakAt > 0 ? breakAt : current.length
      lines.push(current.slice(0, at))
      current = current.slice(at)
      used = width(current)
      breakAt = 0
    }
    current += character
    used += needed
    if (character === ' ') breakAt = current.length
  }
  return [...lines, current]
}
