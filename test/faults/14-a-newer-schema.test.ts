import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { KNOWN_SCHEMA } from '../../src/core/sqlite/migrate.ts'
import { Agent, ToolError } from '../support/agent.ts'
import { report } from '../support/figures.ts'
import { Sqlite } from '../support/sqlite.ts'

/** What a newer program does to the file when it brings it up to date. */
function migrateTo(path: string, { version, minWriter }: { version: number; minWriter: number }): void {
  const db = new Sqlite(path, { timeout: 5_000 })
  db.exec('BEGIN IMMEDIATE; ALTER TABLE peers ADD COLUMN of_tomorrow TEXT')
  db.prepare("UPDATE meta SET value = ? WHERE key = 'min_writer'").run(String(minWriter))
  db.exec(`PRAGMA user_version = ${version}; COMMIT`)
  db.close()
}

/** Every row of every table, and the schema itself. */
function dump(path: string): string {
  const db = new Sqlite(path, { readonly: true, timeout: 5_000 })
  const tables = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all() as { name: string }[]
  const rows = tables.map(({ name }) => [name, db.prepare(`SELECT * FROM "${name}"`).all()])
  const text = JSON.stringify([tables, rows, db.pragma('user_version', { simple: true })])
  db.close()
  return text
}

/** Only while nobody of this process has the file open. */
const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

const refusal = async (call: Promise<unknown>) => {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(error instanceof ToolError)) throw new Error(`not refused: ${String(error)}`)
  return error
}

const NEWER = KNOWN_SCHEMA + 1

test('a file of a newer breaking schema is refused with both versions, and not a byte of it changes', async () => {
  await using early = await Agent.start()
  await early.call('state.set', { key: 'plan', value: 'kept' })
  await early[Symbol.asyncDispose]()
  const path = join(early.dir, 'mesh.db')
  migrateTo(path, { version: NEWER, minWriter: NEWER })
  const before = { dump: dump(path), hash: hashOf(path) }

  await using late = await Agent.connect({ dir: early.dir })
  for (const call of [late.call('mesh.status', {}), late.call('state.set', { key: 'plan', value: 'lost' })]) {
    const error = await refusal(call)
    expect(error.code).toBe('schema_newer')
    expect(error.facts).toEqual({ path, found: NEWER, known: KNOWN_SCHEMA })
    expect(error.message).toContain(`schema ${NEWER}`)
    expect(error.message).toContain(`up to ${KNOWN_SCHEMA}`)
    expect(error.message).toContain('newer slm-mesh')
  }
  // It still serves its client: only the mesh is closed to it.
  expect((await late.client.listTools()).tools.length).toBeGreaterThan(0)
  expect(dump(path) === before.dump).toBe(true)
  expect(hashOf(path)).toBe(before.hash)
  report(14, {
    load: 'an agent on a file of a newer schema',
    injected: 2,
    more: `calls refused, ${before.dump.length} bytes of tables unchanged`,
  })
})

test('a file of a newer schema that allows older writers is used', async () => {
  await using early = await Agent.start()
  await early.call('state.set', { key: 'plan', value: 'kept' })
  await early[Symbol.asyncDispose]()
  migrateTo(join(early.dir, 'mesh.db'), { version: NEWER, minWriter: KNOWN_SCHEMA })

  await using late = await Agent.start({ dir: early.dir })
  expect((await late.call('state.get', { key: 'plan' })).entry.value).toBe('kept')
  await late.call('state.set', { key: 'plan', value: 'changed' })
})

test('running peers go on when their file is migrated compatibly, and only read when it is migrated breakingly', async () => {
  await using a = await Agent.start()
  await using b = await Agent.start({ dir: a.dir })
  const names = { a: await a.name(), b: await b.name() }
  const path = join(a.dir, 'mesh.db')
  await a.call('state.set', { key: 'plan', value: 'one' })

  migrateTo(path, { version: NEWER, minWriter: KNOWN_SCHEMA })
  await a.call('state.set', { key: 'plan', value: 'two' })
  await b.call('message.send', { to: names.a, message: 'still here' })
  expect((await a.call('message.inbox', {})).messages).toMatchObject([{ payload: 'still here' }])
  await using c = await Agent.start({ dir: a.dir })
  expect((await c.call('peer.list', {})).peers.map((peer) => peer.name).sort()).toEqual([names.a, names.b].sort())

  const db = new Sqlite(path, { timeout: 5_000 })
  db.prepare("UPDATE meta SET value = ? WHERE key = 'min_writer'").run(String(NEWER + 1))
  db.pragma(`user_version = ${NEWER + 1}`)
  db.close()
  const writes = () => [
    a.call('state.set', { key: 'plan', value: 'three' }),
    b.call('message.send', { to: names.a, message: 'too late' }),
    c.call('lock.acquire', { filePath: '/tmp/a-file' }),
    a.call('event.emit', { types: ['x_late'] }),
  ]
  const errors = await Promise.all(writes().map(refusal))
  for (const { code, facts } of errors) {
    expect(code).toBe('schema_newer')
    expect(facts).toMatchObject({ found: NEWER + 1, known: KNOWN_SCHEMA })
  }
  // Reading does no harm, so it goes on; nothing of what was refused is there.
  expect((await b.call('state.get', { key: 'plan' })).entry.value).toBe('two')
  expect((await c.call('lock.query', {})).locks).toEqual([])
  expect((await a.call('peer.list', {})).peers).toHaveLength(2)
  expect((await a.call('message.inbox', {})).messages).toEqual([])

  // The newer program withdraws the break (a downgrade): the same processes write again.
  const healed = new Sqlite(path, { timeout: 5_000 })
  healed.prepare("UPDATE meta SET value = ? WHERE key = 'min_writer'").run(String(KNOWN_SCHEMA))
  healed.close()
  await a.call('state.set', { key: 'plan', value: 'four' })
  expect((await c.call('state.get', { key: 'plan' })).entry.value).toBe('four')
  report(14, {
    load: 'three agents whose file is migrated under them',
    injected: errors.length,
    more: 'writes refused, reads went on, all alive',
  })
})
