import { isDeepStrictEqual } from 'node:util'
import { parse, TomlError } from 'smol-toml'
import type { Entry } from './agent.ts'
import { objectOf } from './hooks.ts'
import { Unparsable } from './json.ts'
import { at } from './pieces.ts'
import { type Table, tablesIn } from './toml-tables.ts'

/** Edits of TOML text: one table of ours is added, updated or taken out, and every other byte stays. Pure. */

export function parseToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded' })
  } catch (error) {
    if (error instanceof TomlError) throw new Unparsable(error.message.split('\n')[0] ?? '', error.line)
    throw error
  }
}

/** Undefined where it is written in a form that this cannot edit. */
export function setTable(text: string, path: readonly string[], entry: Entry): string | undefined {
  const document = parseToml(text)
  const old = at(document, path)
  if (old === undefined) return appendTable(text, path, entry)
  if (isOneStatement(text, path)) return setValue(text, path, merged(old, entry))
  let result: string | undefined = text
  for (const [key, value] of Object.entries(merged(old, entry))) {
    if (isDeepStrictEqual(at(old, [key]), value)) continue
    const hasTable = tablesIn(text).some((table) => isDeepStrictEqual(table.path, [...path, key]))
    if (hasTable)
      for (const [name, one] of Object.entries(objectOf(value))) {
        if (!isDeepStrictEqual(at(old, [key, name]), one)) result = result && setValue(result, [...path, key, name], one)
      }
    else result = result && setValue(result, [...path, key], value)
  }
  return result
}

/** An entry with the words of its user kept; of an environment only our own variables. */
export const merged = (old: unknown, entry: Entry): Entry => ({
  ...objectOf(old),
  ...Object.fromEntries(
    Object.entries(entry).map(([key, value]) => {
      const isTable = typeof value === 'object' && !Array.isArray(value)
      return [key, isTable ? { ...objectOf(at(old, [key])), ...objectOf(value) } : value]
    }),
  ),
})

/** `slm-mesh = { … }` inside the list's own table. */
const isOneStatement = (text: string, path: readonly string[]) =>
  tablesIn(text).some((table) =>
    table.statements.some((statement) => !table.isElement && isDeepStrictEqual([...table.path, ...statement.path], path)),
  )

/** Without the table, what stands below it, and the blank line that set it apart. */
export function removeTable(text: string, path: readonly string[]): string {
  const isIn = (other: readonly string[]) => isDeepStrictEqual(other.slice(0, path.length), path)
  const cuts = tablesIn(text).flatMap((table): [number, number][] =>
    isIn(table.path)
      ? [[table.from, table.statements.at(-1)?.lineEnd ?? table.lineEnd]]
      : table.statements
          .filter((statement) => isIn([...table.path, ...statement.path]))
          .map((statement) => [statement.from, statement.lineEnd]),
  )
  return cuts.reverse().reduce((rest, [from, to]) => {
    const before = rest.slice(0, from)
    const isApart = /(?:^|\n)\r?\n$/.test(before) && /^(?:\r?\n|$)/.test(rest.slice(to))
    return (isApart ? before.replace(/\r?\n$/, '') : before) + rest.slice(to)
  }, text)
}

function appendTable(text: string, path: readonly string[], entry: Entry): string {
  const eol = /\r?\n/.exec(text)?.[0] ?? '\n'
  const before = text === '' || text.endsWith('\n') ? text : text + eol
  const apart = before === '' || /\n\r?\n$/.test(before) ? '' : eol
  return before + apart + tableOf(path, entry).join(eol) + eol
}

const tableOf = (path: readonly string[], entry: Entry): string[] => [
  `[${path.map(keyOf).join('.')}]`,
  ...Object.entries(entry).map(([key, value]) => `${keyOf(key)} = ${textOf(value)}`),
]

function setValue(text: string, path: readonly string[], value: unknown): string | undefined {
  const tables = tablesIn(text)
  for (const table of tables)
    for (const statement of table.statements)
      if (!table.isElement && isDeepStrictEqual([...table.path, ...statement.path], path))
        return text.slice(0, statement.valueFrom) + textOf(value) + text.slice(statement.valueTo)
  const table = tables.find((one) => !one.isElement && isDeepStrictEqual(one.path, path.slice(0, -1)))
  return table && addStatement(text, table, `${keyOf(path.at(-1) ?? '')} = ${textOf(value)}`)
}

function addStatement(text: string, table: Table, line: string): string {
  const eol = /\r?\n/.exec(text)?.[0] ?? '\n'
  const end = table.statements.at(-1)?.lineEnd ?? table.lineEnd
  const before = text.slice(0, end)
  return `${before}${before.endsWith('\n') ? '' : eol}${line}${eol}${text.slice(end)}`
}

const keyOf = (key: string) => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key))

/** Strings, lists of them and tables of them are all that we write, or leave beside ours. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  if (value instanceof Date) return value.toISOString()
  const inner = Object.entries(value).map(([key, one]) => `${keyOf(key)} = ${textOf(one)}`)
  return inner.length === 0 ? '{}' : `{ ${inner.join(', ')} }`
}
