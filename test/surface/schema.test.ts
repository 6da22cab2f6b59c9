import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Database } from '../../src/core/sqlite/database.ts'
import { testDir } from '../support/data-dir.ts'
import { expectStored } from '../support/stored.ts'

interface Item {
  type: string
  name: string
  sql: string
}

/** The schema as SQLite itself reports it, whatever migrations led to it. */
async function schemaOf(path: string): Promise<string> {
  using database = await Database.open(path)
  return database.read((sql) => {
    const version = sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version
    const items = sql.all<Item>(
      "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type, name",
    )
    return [`-- user_version ${version}`, ...items.map((item) => `${item.sql};`)].join('\n\n').concat('\n')
  })
}

test('a new file has the schema of schema.sql', async () => {
  expectStored('schema.sql', await schemaOf(join(testDir(), 'mesh.db')))
})

test('opening a file again changes nothing of its schema', async () => {
  const path = join(testDir(), 'mesh.db')
  expect(await schemaOf(path)).toBe(await schemaOf(path))
})
