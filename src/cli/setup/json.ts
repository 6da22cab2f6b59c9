import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

/**
 * Edits of JSON text, with or without comments: one value is set, added or taken out, and every other byte stays. Pure.
 * (jsonc-parser's own edits would move comments to another line, and format what they touch.)
 */

export type Path = readonly (string | number)[]

export interface Edit {
  readonly path: Path
  /** Undefined: take it out. An index one past a list's end adds to it. */
  readonly value: unknown
}

/** Thrown where a text is no JSON at all; `line` counts from 1. */
export class Unparsable extends Error {
  constructor(
    what: string,
    readonly line: number | undefined,
  ) {
    super(what)
  }
}

const TOLERANT = { allowTrailingComma: true, allowEmptyContent: true }

/** Undefined where there is nothing but space and comments. */
export function parseJson(text: string): unknown {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, TOLERANT)
  const [error] = errors
  if (error) throw new Unparsable(printParseErrorCode(error.error), text.slice(0, error.offset).split('\n').length)
  return root && meaningOf(root)
}

/** The last of two equal keys wins; `__proto__` is a key like any other. */
function meaningOf({ type, value, children = [] }: Node): unknown {
  if (type === 'array') return children.map(meaningOf)
  if (type !== 'object') return value
  return Object.fromEntries(children.map(({ children: [key, one] = [] }) => [key?.value, one && meaningOf(one)]))
}

export const editJson = (text: string, edits: readonly Edit[]): string => edits.reduce(editOnce, text)

function editOnce(text: string, { path, value }: Edit): string {
  const style = styleOf(text)
  const root = parseTree(text, [], TOLERANT)
  if (!root) return value === undefined ? text : append(text, nest(path, value), path.length, style)
  const { node, rest } = find(root, path)
  if (value === undefined) return rest.length === 0 ? remove(text, node) : text
  if (rest.length === 0) return splice(text, node.offset, node.offset + node.length, written(value, style, columnOf(text, node)))
  const [key, ...below] = rest
  return insert(text, node, typeof key === 'string' ? key : undefined, { value: nest(below, value), open: below.length }, style)
}

/** The deepest node on the way, and what of the path has no node yet. */
function find(root: Node, path: Path): { node: Node; rest: Path } {
  let node = root
  for (const [i, step] of path.entries()) {
    const children = node.children ?? []
    const next =
      typeof step === 'number'
        ? children[step]
        : // Where a key stands twice, readers take the last.
          children.findLast((property) => property.children?.[0]?.value === step)?.children?.[1]
    if (next === undefined) return { node, rest: path.slice(i) }
    node = next
  }
  return { node, rest: [] }
}

const nest = (path: Path, value: unknown): unknown =>
  path.reduceRight<unknown>((inner, step) => (typeof step === 'string' ? { [step]: inner } : [inner]), value)

interface Style {
  readonly eol: string
  /** One step of indentation. */
  readonly unit: string
  /** The whole text is one line. */
  readonly isLine: boolean
  /** What follows a colon or a comma on a line. */
  readonly space: '' | ' '
}

function styleOf(text: string): Style {
  const eol = /\r?\n/.exec(text)?.[0] ?? '\n'
  const unit = /\n([ \t]+)["{[]/.exec(text)?.[1] ?? '  '
  const body = text.trim()
  return {
    eol,
    unit: unit.startsWith('\t') ? '\t' : unit,
    isLine: body !== '' && body !== '{}' && !body.includes('\n'),
    space: body.includes('":') && !body.includes('": ') ? '' : ' ',
  }
}

/** What a line begins with that `at` is on. */
const indentAt = (text: string, at: number) => /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', at - 1) + 1))?.[0] ?? ''
const columnOf = (text: string, node: Node) => indentAt(text, (node.parent?.type === 'property' ? node.parent : node).offset)
const splice = (text: string, from: number, to: number, by: string) => text.slice(0, from) + by + text.slice(to)

/** No line of ours gets longer than this by leaving out breaks. */
const WIDTH = 78

/** On one line where it fits; the outermost `open` levels never are. */
function written(value: unknown, style: Style, indent: string, open = 0): string {
  const flat = flatten(value, style.space)
  if (style.isLine || typeof value !== 'object' || value === null) return flat
  if (open <= 0 && indent.length + flat.length <= WIDTH) return flat
  const inner = indent + style.unit
  const isList = Array.isArray(value)
  const items = isList
    ? value.map((one) => written(one, style, inner, open - 1))
    : Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${written(one, style, inner, open - 1)}`)
  const [first, last] = isList ? '[]' : '{}'
  return `${first}${style.eol}${inner}${items.join(`,${style.eol}${inner}`)}${style.eol}${indent}${last}`
}

function flatten(value: unknown, space: '' | ' '): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((one) => flatten(one, space)).join(`,${space}`)}]`
  const items = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}:${space}${flatten(one, space)}`)
  return items.length === 0 ? '{}' : `{${space}${items.join(`,${space}`)}${space}}`
}

function append(text: string, value: unknown, open: number, style: Style): string {
  const before = text.trim() === '' ? '' : text.endsWith('\n') ? text : text + style.eol
  return before + written(value, { ...style, isLine: false, space: ' ' }, '', open) + style.eol
}

interface Item {
  readonly value: unknown
  readonly open: number
}

function insert(text: string, parent: Node, key: string | undefined, { value, open }: Item, style: Style): string {
  const children = parent.children ?? []
  const last = children.at(-1)
  const close = parent.offset + parent.length - 1
  const inside = text.slice(parent.offset + 1, close)
  const isLine = style.isLine || (last !== undefined && !inside.includes('\n'))
  const outer = columnOf(text, parent)
  const indent = last !== undefined && !isLine ? indentAt(text, last.offset) : outer + style.unit
  const colon = isLine ? `:${style.space}` : ': '
  const item = (key === undefined ? '' : JSON.stringify(key) + colon) + written(value, { ...style, isLine }, indent, open)
  if (last === undefined) {
    if (isLine) return splice(text, close, close, item)
    // What stands between the brackets, comments perhaps, stays before it.
    const kept = inside.trimEnd()
    return splice(text, parent.offset + 1, close, `${kept}${style.eol}${indent}${item}${style.eol}${outer}`)
  }
  const end = last.offset + last.length
  const comma = commaAfter(text, end, close)
  const at = lineEnd(text, comma === undefined ? end : comma + 1)
  const added = `${isLine ? style.space : style.eol + indent}${item}${comma === undefined ? '' : ','}`
  const longer = splice(text, at, at, added)
  return comma === undefined ? splice(longer, end, end, ',') : longer
}

/** Where a comma stands between an element and what follows it; comments may hold commas too. */
function commaAfter(text: string, from: number, to: number): number | undefined {
  const at = behind(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y, text, from)
  return at < to && text[at] === ',' ? at : undefined
}

/** The end of the comments that follow on the same line. */
const lineEnd = (text: string, from: number) => behind(/(?:[ \t]*\/\*[^\n]*?\*\/)*(?:[ \t]*\/\/[^\r\n]*)?/y, text, from)

/** Where a sticky pattern that always fits ends. */
function behind(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  pattern.test(text)
  return pattern.lastIndex
}

function remove(text: string, found: Node): string {
  const node = found.parent?.type === 'property' ? found.parent : found
  const parent = node.parent
  if (!parent) return ''
  const siblings = parent.children ?? []
  const before = siblings[siblings.indexOf(node) - 1]
  const close = parent.offset + parent.length - 1
  const end = node.offset + node.length
  const comma = commaAfter(text, end, close)
  const from = before ? Math.max(lineStart(text, node.offset), before.offset + before.length) : lineStart(text, node.offset)
  if (comma !== undefined) return splice(text, ...wholeLines(text, from, node.offset, comma + 1))
  const [cutFrom, cutTo] = wholeLines(text, from, node.offset, end)
  const shorter = splice(text, cutFrom, cutTo, '')
  // The last one goes, and with it the comma that led to it.
  const leading = before && commaAfter(text, before.offset + before.length, node.offset)
  return leading === undefined ? tidy(shorter, parent, close - (cutTo - cutFrom)) : splice(shorter, leading, leading + 1, '')
}

const lineStart = (text: string, at: number) => text.lastIndexOf('\n', at - 1) + 1

/** A range with its line's indentation and end, where it is alone on its lines; else with the space before it. */
function wholeLines(text: string, from: number, at: number, end: number): [number, number, string] {
  const rest = /^[ \t]*(?:\r?\n)/.exec(text.slice(end))
  const isAlone = text.slice(from, at).trim() === '' && lineStart(text, at) === from
  if (isAlone && rest) return [from, end + rest[0].length, '']
  const space = /[ \t]*$/.exec(text.slice(from, at))?.[0].length ?? 0
  return [at - space, end, '']
}

/** An object or list that nothing is left in is closed on one line. */
function tidy(text: string, parent: Node, close: number): string {
  const open = parent.offset + 1
  return text.slice(open, close).trim() === '' ? splice(text, open, close, '') : text
}
