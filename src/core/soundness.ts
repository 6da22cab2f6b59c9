import { spoiltSchema } from './migrate.ts'
import type { Sql } from './sql.ts'

const MAX_FULL_CHECK_BYTES = 32 * 1024 * 1024

/** What is wrong with the file, to SQLite's own look at all of it, at a large one less thorough, and in its schema. */
export function damageFound(sql: Sql): string | undefined {
  try {
    const bytes = numberOf(sql, 'page_count') * numberOf(sql, 'page_size')
    const check = bytes <= MAX_FULL_CHECK_BYTES ? 'PRAGMA integrity_check(1)' : 'PRAGMA quick_check(1)'
    const said = Object.values(sql.get<Record<string, string>>(check) ?? {})[0]
    if (said !== 'ok') return said ?? 'it says nothing of itself'
    const spoilt = spoiltSchema(sql)
    return spoilt && `its ${spoilt} is spoilt`
  } catch (error) {
    return String(error)
  }
}

const numberOf = (sql: Sql, pragma: string): number =>
  Object.values(sql.get<Record<string, number>>(`PRAGMA ${pragma}`) ?? {})[0] ?? 0
