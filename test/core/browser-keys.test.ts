import { expect, test } from 'vitest'
import { pruneBrowserKeys } from '../../src/core/retention.ts'
import { bareStore } from '../support/bare-store.ts'

const HALF_DAY_MS = 12 * 3_600_000

test('a key is accepted, nothing else is, and the file does not hold it', async () => {
  await using mesh = await bareStore()
  const { browserKeys } = mesh.store
  const key = await browserKeys.mint()
  expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(await browserKeys.mint()).not.toBe(key)
  expect(browserKeys.isUsed(key)).toBe(false)
  expect(await browserKeys.accepts(key)).toBe(true)
  expect(browserKeys.isUsed(key)).toBe(true)
  for (const other of ['', 'x', key.slice(1), `${key}x`, key.toLowerCase()]) expect(await browserKeys.accepts(other)).toBe(false)
  const rows = mesh.database.read((sql) => sql.all('SELECT * FROM browser_keys'))
  expect(rows).toHaveLength(2)
  expect(JSON.stringify(rows)).not.toContain(key)
})

test('it is good until it has not been used for half a day', async () => {
  await using mesh = await bareStore()
  const { browserKeys } = mesh.store
  const key = await browserKeys.mint()
  for (let day = 0; day < 3; day++) {
    mesh.clock.pass(HALF_DAY_MS - 1)
    expect(await browserKeys.accepts(key)).toBe(true)
  }
  mesh.clock.pass(HALF_DAY_MS)
  expect(await browserKeys.accepts(key)).toBe(false)
})

test('neither a clock that is set back nor a reboot keeps one alive', async () => {
  await using mesh = await bareStore()
  const { browserKeys } = mesh.store
  const key = await browserKeys.mint()
  mesh.clock.jump(-10 * HALF_DAY_MS)
  mesh.clock.pass(HALF_DAY_MS)
  expect(await browserKeys.accepts(key)).toBe(false)
  const another = await browserKeys.mint()
  mesh.clock.bootId = 'another boot'
  expect(await browserKeys.accepts(another)).toBe(false)
})

test('an open page costs one write a minute', async () => {
  await using mesh = await bareStore()
  const { browserKeys } = mesh.store
  const key = await browserKeys.mint()
  const changes = () => mesh.database.read((sql) => sql.get<{ n: number }>('SELECT total_changes() AS n')?.n ?? 0)
  const before = changes()
  for (let second = 0; second < 120; second++) {
    expect(await browserKeys.accepts(key)).toBe(true)
    mesh.clock.pass(1_000)
  }
  expect(changes() - before).toBe(2)
})

test('what is no longer good is swept', async () => {
  await using mesh = await bareStore()
  const { browserKeys } = mesh.store
  await browserKeys.mint()
  mesh.clock.pass(HALF_DAY_MS / 2)
  const young = await browserKeys.mint()
  const sweep = () => mesh.database.write((tx) => pruneBrowserKeys(tx, mesh.clock))
  expect(await sweep()).toBe(0)
  mesh.clock.pass(HALF_DAY_MS / 2)
  expect(await sweep()).toBe(1)
  expect(await browserKeys.accepts(young)).toBe(true)
})
