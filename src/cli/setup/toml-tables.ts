import { parse } from 'smol-toml'

/** Where tables and their statements stand in TOML text that has been parsed already, so that it may be taken as valid. Pure. */

interface Statement {
  /** Relative to its table. */
  readonly path: readonly string[]
  /** The beginning of its line, and of the next. */
  readonly from: number
  readonly lineEnd: number
  readonly valueFrom: number
  readonly valueTo: number
}

export interface Table {
  /** Empty for what stands before the first header. */
  readonly path: readonly string[]
  /** One of a list of tables. */
  readonly isElement: boolean
  readonly from: number
  /** The end of the header's line. */
  readonly lineEnd: number
  readonly statements: Statement[]
}

export function tablesIn(text: string): Table[] {
  let table: Table = { path: [], isElement: false, from: 0, lineEnd: 0, statements: [] }
  const tables = [table]
  let at = 0
  while (at < text.length) {
    const from = at
    const start = from + (/^[ \t]*/.exec(text.slice(from))?.[0].length ?? 0)
    const first = text[start]
    if (first === undefined || first === '\n' || first === '\r' || first === '#') {
      at = nextLine(text, start)
    } else if (first === '[') {
      const isElement = text[start + 1] === '['
      const { path, end } = keys(text, start + (isElement ? 2 : 1), ']')
      at = nextLine(text, end)
      table = { path, isElement, from, lineEnd: at, statements: [] }
      tables.push(table)
    } else {
      const { path, end } = keys(text, start, '=')
      const valueFrom = end + 1 + (/^[ \t]*/.exec(text.slice(end + 1))?.[0].length ?? 0)
      const valueTo = valueEnd(text, valueFrom)
      at = nextLine(text, valueTo)
      table.statements.push({ path, from, lineEnd: at, valueFrom, valueTo })
    }
  }
  return tables
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end + 1
}

/** Dotted keys up to a sign, which stands at `end`. */
function keys(text: string, from: number, sign: ']' | '='): { path: string[]; end: number } {
  const path: string[] = []
  let at = from
  while (at < text.length && text[at] !== sign) {
    const quote = text[at]
    if (quote === '"' || quote === "'") {
      const end = stringEnd(text, at)
      path.push(...Object.keys(parse(`${text.slice(at, end)} = 0`)))
      at = end
    } else {
      const bare = /^[\w-]+/.exec(text.slice(at, at + 256))?.[0]
      if (bare !== undefined) path.push(bare)
      at += bare?.length ?? 1
    }
  }
  return { path, end: at }
}

/** Behind the value that begins there: at a comment or the end of its line, but for lists and strings of several lines. */
function valueEnd(text: string, from: number): number {
  let depth = 0
  let at = from
  let end = from
  while (at < text.length) {
    const sign = text[at]
    if (sign === '"' || sign === "'") end = at = stringEnd(text, at)
    else if (sign === '#') {
      if (depth === 0) return end
      at = nextLine(text, at)
    } else if (sign === '\n' && depth === 0) return end
    else {
      if (sign === '[' || sign === '{') depth++
      if (sign === ']' || sign === '}') depth--
      at++
      if (!/\s/.test(sign ?? '')) end = at
    }
  }
  return end
}

/** Behind the string that begins there, of one line or of several. */
function stringEnd(text: string, from: number): number {
  const quote = text[from] ?? ''
  const isLong = text.startsWith(quote.repeat(3), from)
  const close = isLong ? quote.repeat(3) : quote
  let at = from + close.length
  while (at < text.length && !text.startsWith(close, at)) at += quote === '"' && text[at] === '\\' ? 2 : 1
  at += close.length
  // A long string may end in quotes of its own.
  if (isLong) while (text[at] === quote) at++
  return at
}
