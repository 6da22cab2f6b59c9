import type { Sql } from '../sql.ts'
import { spoiltSchema } from './migrate.ts'

const MAX_FULL_CHECK_BYTES = 32 * 1024 * 1024

/** What is wrong with the file: to SQLite's own look at it, less thorough at a large one; in its schema; in its values. */
export function damageFound(sql: Sql): string | undefined {
  try {
    const bytes = numberOf(sql, 'page_count') * numberOf(sql, 'page_size')
    const check = bytes <= MAX_FULL_CHECK_BYTES ? 'PRAGMA integrity_check(1)' : 'PRAGMA quick_check(1)'
    const said = Object.values(sql.get<Record<string, string>>(check) ?? {})[0]
    if (said !== 'ok') return said ?? 'it says nothing of itself'
    const spoilt = spoiltSchema(sql)
    return spoilt === undefined ? misplacedValue(sql) : `its ${spoilt} is spoilt`
  } catch (error) {
    return String(error)
  }
}

/** SQLite takes a value of any kind in any column. Ours hold what they say, or nothing. */
function misplacedValue(sql: Sql): string | undefined {
  for (const { name } of sql.all<{ name: string }>(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`,
  ))
    for (const column of sql.all<{ name: string; type: string }>('SELECT name, type FROM pragma_table_info(?)', name))
      if (sql.get(`SELECT 1 FROM ${name} WHERE typeof(${column.name}) NOT IN (lower(?), 'null') LIMIT 1`, column.type))
        return `in ${name}, a ${column.name} is not of its kind`
  return undefined
}

const numberOf = (sql: Sql, pragma: string): number =>
  Object.values(sql.get<Record<string, number>>(`PRAGMA ${pragma}`) ?? {})[0] ?? 0
