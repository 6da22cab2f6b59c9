import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { asideOf, asides } from '../../src/core/sqlite/aside.ts'
import { Connection } from '../../src/core/sqlite/connection.ts'
import { Database } from '../../src/core/sqlite/database.ts'
import { openConnection } from '../../src/core/sqlite/open-database.ts'
import { numbersAfter, salvage } from '../../src/core/sqlite/salvage.ts'
import { openStore } from '../../src/core/store.ts'
import { PAGE_BYTES } from '../support/damage.ts'
import { testDir } from '../support/data-dir.ts'

let path: string

beforeEach(() => {
  path = join(testDir(), 'mesh.db')
})

const RUBBISH = 'no database at all '.repeat(1_000)
const options = { clock: systemClock, staleMs: 1_000, ring: () => {}, isGone: () => false }

test('of many who open a damaged file at once one moves it, and all are in the new one', async () => {
  writeFileSync(path, RUBBISH)
  const all = await Promise.all(Array.from({ length: 8 }, () => Database.open(path)))
  expect(asides(path)).toHaveLength(1)
  expect(readFileSync(asides(path)[0]!.path, 'utf8')).toBe(RUBBISH)
  await all[0]!.write((tx) => tx.run(`UPDATE peers SET summary = 'seen by all' WHERE id = 'cli'`))
  for (const database of all) {
    expect(database.replaced()).toBe(false)
    expect(database.read((sql) => sql.get(`SELECT summary FROM peers WHERE id = 'cli'`))).toEqual({ summary: 'seen by all' })
    expect(database.recovery?.movedTo).toBe(asides(path)[0]!.path)
    database[Symbol.dispose]()
  }
  expect(existsSync(`${path}.next`)).toBe(false)
})

test('who has seen damage, and comes after somebody faster, moves nothing of the new file', async () => {
  const slow = await Database.open(path)
  slow.onDamage = () => {}
  const corrupt = () => Object.assign(new Error('database disk image is malformed'), { code: 'SQLITE_CORRUPT' })
  const spoil = (database: Database) =>
    database.write(() => {
      throw corrupt()
    })
  const fast = await Database.open(path)
  fast.onDamage = () => {}
  await expect(spoil(slow)).rejects.toMatchObject({ code: 'corrupt', facts: { recurring: false } })
  await expect(spoil(fast)).rejects.toMatchObject({ code: 'corrupt' })
  // The file itself is whole: whoever looks finds that out, and stays.
  await fast.reopen(() => {})
  expect(asides(path)).toEqual([])
  // Who meets damage again in what seems whole is believed.
  await expect(spoil(fast)).rejects.toMatchObject({ code: 'corrupt' })
  const waits = fast.write((tx) => tx.run(`UPDATE peers SET summary = 'waited' WHERE id = 'cli'`))
  await fast.reopen(() => {})
  await waits
  expect(asides(path)).toHaveLength(1)
  await slow.reopen(() => {})
  expect(asides(path)).toHaveLength(1)
  expect(slow.read((sql) => sql.get(`SELECT summary FROM peers WHERE id = 'cli'`))).toEqual({ summary: 'waited' })
  expect(slow.isDamaged).toBe(false)
  expect(slow.recovery).toMatchObject({ movedTo: asides(path)[0]!.path })
  for (const each of [slow, fast]) each[Symbol.dispose]()
})

test('while a damaged file is being left, its writers wait, and what they wrote is in the new one', async () => {
  const [leaving, writing] = [await Database.open(path), await Database.open(path)]
  for (const each of [leaving, writing]) each.onDamage = () => {}
  for (let i = 0; i < 2; i++) {
    await leaving
      .write(() => {
        throw Object.assign(new Error('malformed'), { code: 'SQLITE_CORRUPT' })
      })
      .catch(() => {})
    if (i === 0) await leaving.reopen(() => {})
  }
  await leaving.reopen(() => {})
  expect(writing.replaced()).toBe(true)
  let isDone = false
  const written = writing
    .write((tx) => tx.run(`UPDATE peers SET summary = 'kept' WHERE id = 'cli'`))
    .then(() => {
      isDone = true
    })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(isDone).toBe(false)
  await writing.reopen(() => {})
  await written
  expect(leaving.read((sql) => sql.get(`SELECT summary FROM peers WHERE id = 'cli'`))).toEqual({ summary: 'kept' })
  for (const each of [leaving, writing]) each[Symbol.dispose]()
})

test('the fourth within ten minutes is refused and stays; older ones do not count', async () => {
  for (const ago of [1_000, 200_000, 700_000]) writeFileSync(asideOf(path, Date.now() - ago, 1), 'old')
  writeFileSync(path, RUBBISH)
  ;(await Database.open(path))[Symbol.dispose]()
  expect(asides(path)).toHaveLength(4)
  writeFileSync(path, RUBBISH)
  await expect(Database.open(path)).rejects.toMatchObject({ code: 'corrupt', facts: { recurring: true } })
  expect(asides(path)).toHaveLength(4)
  expect(readFileSync(path, 'utf8')).toBe(RUBBISH)
})

test('a schema number without its tables, or the other way round, is damage; an empty file and a new one are not', async () => {
  for (const spoil of ['DROP TABLE leader', 'PRAGMA user_version = 0', 'PRAGMA user_version = 2']) {
    const connection = await openConnection(path)
    connection.script(spoil)
    connection.close()
    await expect(openConnection(path)).rejects.toMatchObject({ code: 'corrupt' })
    ;(await Database.open(path))[Symbol.dispose]()
  }
  expect(asides(path)).toHaveLength(3)
  const empty = join(dirname(path), 'empty.db')
  writeFileSync(empty, '')
  ;(await Database.open(empty))[Symbol.dispose]()
  expect(asides(empty)).toEqual([])
  expect(statSync(empty).size).toBeGreaterThan(0)
})

test('an index that disagrees with its table is damage, as a write meets it', async () => {
  const insert = `INSERT INTO peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime)
    VALUES (?, 'quandary', 'script', 'test', '/', 0, 1, 1, 1)`
  const connection = await openConnection(path)
  connection.run(insert, 'p_1')
  const [table] = connection.all<{ pageno: number }>(`SELECT pageno FROM dbstat WHERE name = 'peers'`)
  connection.close()
  const bytes = readFileSync(path)
  bytes.write('quandarz', bytes.indexOf('quandary', (table!.pageno - 1) * PAGE_BYTES))
  writeFileSync(path, bytes)

  const database = await Database.open(path)
  database.onDamage = undefined
  const add = () => database.write((tx) => tx.run(insert, 'p_2'))
  await expect(add()).rejects.toMatchObject({ code: 'corrupt', facts: { recurring: false } })
  await expect(add()).rejects.toMatchObject({ code: 'corrupt' }) // and does not wait for a file that nobody makes
  await database.reopen(() => {})
  await add()
  database[Symbol.dispose]()
})

test('a value of another kind than its column says is damage, as whoever meets it finds out', async () => {
  const { store, database } = await openStore(path, options)
  database.onDamage = undefined
  const bug = new TypeError('value.slice is no function')
  expect(store.explain(bug)).toBe(bug)
  await database.write((tx) => tx.run(`INSERT INTO state VALUES ('default', 'spoilt', x'00', 1, '', '', 1)`))
  expect(store.explain(new Error('of something else'))).not.toMatchObject({ code: 'corrupt' })
  expect(store.explain(bug)).toMatchObject({ code: 'corrupt', facts: { detail: expect.stringContaining('in state, a value') } })
  await database.reopen(() => {})
  expect(asides(path)).toHaveLength(1)
  database[Symbol.dispose]()
})

test('mail, state, locks and mailboxes are brought over as they were, and all counts agree', async () => {
  const { store, database } = await openStore(path, options)
  const arrive = (n: number) =>
    store.peers.join({
      ...{ kind: 'session', agentType: 'test', projectPath: `/p${n}`, gitRoot: null, gitBranch: null, repo: null },
      ...{ process: { pid: n, startedAt: '1', bootId: 'b', pidNamespace: '' }, socketPath: `/s${n}`, name: `peer-${n}` },
    } as const)
  const [a, b] = [await arrive(1), await arrive(2)]
  const actor = { id: a.id, name: 'peer-1', agentType: 'test', projectPath: '/p1', gitRoot: null, repo: null }
  for (let i = 0; i < 5; i++) await store.messages.send(actor, [b.id], { type: 'text', priority: 'normal', payload: `${i}` })
  const [first, second] = await store.messages.unread(b.id, {}, 5)
  await store.messages.markSeen([first!.id], true)
  await store.messages.markNotified([second!.id], 'hook')
  const { version } = await store.state.set(actor, 'default', 'key', 'value')
  const lock = ['/f', '/f', null, null, a.id, 'peer-1', 'because\n\ufffd', 77, 1, 2, 3, 'b'] as const
  await database.write((tx) => tx.run('INSERT INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', ...lock))
  // As a page would be that has lost its middle: nobody's name, and a number that is none.
  await database.write((tx) => {
    tx.run(`INSERT INTO peers SELECT 'p_0000000000000000000', 'no\ufffdbody', kind, agent_type, 0, NULL, project_path, NULL, NULL, NULL, '',
      'poll', 0, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, 1, 0, 0, NULL, NULL FROM peers WHERE id = 'cli'`)
    tx.run(`INSERT INTO state VALUES ('default', 'spoilt', 'value', 1.5e300, '', '', 1)`)
  })
  const before = await store.status.counts()
  const mail = await store.messages.latest(b.id, 'all', {}, 10)

  const into = await openConnection(`${path}.other`)
  const from = new Connection(path)
  into.run('BEGIN IMMEDIATE')
  expect(salvage(from, into, 1_000, Date.now())).toEqual({
    saved: { peers: 2, messages: 5, unread: 4, state: 1, locks: 1 },
    isWhole: false,
  })
  // Once more adds nothing.
  expect(salvage(from, into, 1_000, Date.now()).saved).toMatchObject({ peers: 0, messages: 0, state: 0 })
  into.run('COMMIT')
  const now = Date.now()
  expect(numbersAfter([from], now, 0).seq).toBeGreaterThan(version)
  expect(numbersAfter([from], now, 0).term).toBeGreaterThan(store.leadership.read().term)
  expect(numbersAfter([from], now, 2e12).term).toBe(2e12 + 1)
  // With nothing to be read, by the clock.
  expect(numbersAfter([new Connection(':memory:')], now, 0)).toMatchObject({ seq: now, term: Math.floor(now / 1_000) })
  for (const each of [into, from]) each.close()
  database[Symbol.dispose]()

  const other = await openStore(`${path}.other`, options)
  expect(await other.store.messages.latest(b.id, 'all', {}, 10)).toEqual(mail)
  const { events: _, db: __, ...counts } = await other.store.status.counts()
  const { events: ___, db: ____, ...wanted } = before
  expect(counts).toEqual({ ...wanted, peers: { active: 0, stale: 2, away: 0, total: 2 } })
  expect((await other.store.state.get('default', 'key'))?.version).toBe(version)
  other.database[Symbol.dispose]()
})
