import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { patience, scaled } from '../support/scale.ts'

const PEERS = 8
const INCREMENTS = scaled(15, 125)
const PROGRAM = new URL('../programs/count-up.mjs', import.meta.url).pathname

test('a number that eight processes count up at once is exactly the sum, and its versions only grow', {
  timeout: patience(120_000),
}, async () => {
  const dir = dataDir()
  await using observer = await joinMesh({ env: meshEnv(dir), agentType: 'observer' })
  const env = { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir) }
  const count = () => promisify(execFile)(process.execPath, [PROGRAM, String(INCREMENTS)], { env })
  const said = await Promise.all(Array.from({ length: PEERS }, count))
  const lines: { value?: number; version?: number; conflicts?: number }[] = said.flatMap(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  )
  const sum = PEERS * INCREMENTS
  const { entry } = await observer.call('state.get', { key: 'count' })
  expect(entry.value).toBe(String(sum))

  const acknowledged = lines.filter((line) => line.version !== undefined).sort((a, b) => (a.value ?? 0) - (b.value ?? 0))
  expect(acknowledged.map(({ value }) => value)).toEqual(Array.from({ length: sum }, (_, i) => i + 1))
  const versions = acknowledged.map(({ version }) => version ?? 0)
  for (const [i, version] of versions.slice(1).entries()) expect(version).toBeGreaterThan(versions[i] ?? 0)
  expect(entry.version).toBe(versions.at(-1))

  const conflicts = lines.reduce((n, line) => n + (line.conflicts ?? 0), 0)
  // Without conflicts nothing was proven.
  expect(conflicts).toBeGreaterThan(0)
  report(21, {
    load: `${PEERS} processes count up one key`,
    injected: conflicts,
    acknowledged: acknowledged.length,
    lost: sum - Number(entry.value),
    duplicated: acknowledged.length - new Set(acknowledged.map(({ value }) => value)).size,
  })
})
