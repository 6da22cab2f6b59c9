import { fork } from 'node:child_process'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Database } from '../../src/core/sqlite/database.ts'
import { testDir } from '../support/data-dir.ts'

let path: string
let database: Database

beforeEach(async () => {
  path = join(testDir(), 'mesh.db')
  database = await Database.open(path)
  await database.write((tx) => tx.run('CREATE TABLE t (n INTEGER PRIMARY KEY CHECK (n >= 0))'))
})
afterEach(() => database[Symbol.dispose]())

const insert = (n: number) => database.write((tx) => tx.run('INSERT INTO t VALUES (?)', n).changes)
const rows = (on = database) => on.read((sql) => sql.all<{ n: number }>('SELECT n FROM t ORDER BY n')).map(({ n }) => n)

test('writes of one tick are one commit, and one that fails takes only itself back', async () => {
  const other = await Database.open(path)
  const before = other.dataVersion()
  const outcomes = await Promise.allSettled([
    insert(1),
    database.write((tx) => {
      tx.run('INSERT INTO t VALUES (2)')
      throw new Error('mine')
    }),
    insert(-1),
    insert(1),
    insert(3),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'])
  expect(outcomes[1]).toMatchObject({ reason: new Error('mine') })
  expect(rows()).toEqual([1, 3])
  // Every commit of others moves the number; five writes moved it once.
  expect(other.dataVersion() - before).toBe(1)
  other[Symbol.dispose]()
})

test('more than a batch is written in order and in full', async () => {
  const all = Array.from({ length: 1_000 }, (_, i) => i)
  expect(await Promise.all(all.map(insert))).toEqual(all.map(() => 1))
  expect(rows()).toEqual(all)
})

test('what waits for the commit runs after it, once a key, and not for a write that failed', async () => {
  const other = await Database.open(path)
  const ran: string[] = []
  const ring = (n: number, key: string) =>
    database.write((tx) => {
      tx.run('INSERT INTO t VALUES (?)', n)
      // Whoever is rung and looks at once finds it in the file.
      tx.afterCommit(key, () => ran.push(`${key}: ${rows(other).join()}`))
    })
  await Promise.allSettled([ring(1, 'a'), ring(2, 'b'), ring(3, 'a'), ring(3, 'lost'), ring(-1, 'lost too')])
  expect(ran).toEqual(['a: 1,2,3', 'b: 1,2,3'])
  other[Symbol.dispose]()
})

test('while another process holds the write lock, reads go on and writes wait; past the deadline they fail as busy', async () => {
  const program = `
    import Native from 'better-sqlite3'
    const native = new Native(process.argv[1])
    native.exec('BEGIN IMMEDIATE')
    process.send('held')
    process.on('message', () => { native.exec('ROLLBACK'); process.disconnect() })`
  const holder = fork('--input-type=module', ['--eval', program, path], { execArgv: [] })
  try {
    await new Promise((resolve) => holder.once('message', resolve))
    const early = insert(1).catch((error) => error)
    expect(rows()).toEqual([])
    const refused = await early
    expect(refused).toMatchObject({ code: 'busy', facts: { path } })
    expect(refused.facts.waitedMs).toBeGreaterThanOrEqual(5_000)
    const late = insert(2)
    holder.send('let go')
    expect(await late).toBe(1)
    expect(rows()).toEqual([2])
  } finally {
    holder.kill('SIGKILL')
  }
})

test('a file that was moved away or replaced is noticed, and left for the new one', async () => {
  await insert(1)
  expect(database.replaced()).toBe(false)
  renameSync(path, `${path}.old`)
  expect(database.replaced()).toBe(true)
  for (const suffix of ['-wal', '-shm']) renameSync(path + suffix, `${path}.old${suffix}`)
  await database.reopen((tx) => tx.run('CREATE TABLE t (n INTEGER PRIMARY KEY)'))
  expect(database.replaced()).toBe(false)
  await insert(2)
  expect(rows()).toEqual([2])
})

test('closing writes what is queued, twice is fine, and later writes and reads are refused', async () => {
  const queued = insert(1)
  database[Symbol.dispose]()
  database[Symbol.dispose]()
  expect(await queued).toBe(1)
  await expect(insert(2)).rejects.toMatchObject({ code: 'closed' })
  expect(() => rows()).toThrow(/left the mesh/)
  const again = await Database.open(path)
  expect(rows(again)).toEqual([1])
  again[Symbol.dispose]()
})
