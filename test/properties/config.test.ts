import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Config, readConfig } from '../../src/core/config.ts'
import { isFailure } from '../../src/core/errors.ts'

/** Whatever stands in the environment, a setting is either within its range or refused by its own name. */

const RANGES: readonly (readonly [variable: string, key: keyof Config, min: number, max: number])[] = [
  ['SLM_MESH_PORT', 'port', 0, 65_535],
  ['SLM_MESH_HEARTBEAT_MS', 'heartbeatMs', 100, 600_000],
  ['SLM_MESH_STALE_MS', 'staleMs', 200, 3_600_000],
  ['SLM_MESH_DEAD_MS', 'deadMs', 300, 3_600_000],
  ['SLM_MESH_LOCK_TTL_MIN', 'lockTtlMinutes', 1, 1_440],
  ['SLM_MESH_LEASE_MS', 'leaseMs', 3_000, 600_000],
  ['SLM_MESH_MESSAGE_TTL_H', 'messageTtlHours', 1, 8_760],
  ['SLM_MESH_EVENT_TTL_H', 'eventTtlHours', 1, 8_760],
  ['SLM_MESH_RATE', 'rate', 0, 1_000_000],
]
const WORDS: readonly (readonly [variable: string, key: keyof Config, good: (value: string) => boolean])[] = [
  ['SLM_MESH_HOST', 'host', (value) => ['127.0.0.1', '::1', 'localhost'].includes(value)],
  ['SLM_MESH_LOG', 'log', (value) => ['debug', 'info', 'warn', 'error', 'silent'].includes(value)],
  ['SLM_MESH_AGENT', 'agent', (value) => value.length <= 32 && [...value].every((c) => /[a-z0-9-]/.test(c))],
  [
    'SLM_MESH_NAME',
    'name',
    (value) =>
      value.length <= 64 &&
      /^[A-Za-z0-9]/.test(value) &&
      [...value].every((c) => /[A-Za-z0-9._-]/.test(c)) &&
      !['all', 'cli', 'dashboard', 'mesh', 'me', 'self', 'system', 'user'].includes(value.toLowerCase()),
  ],
]

const number = fc.oneof(
  fc.integer({ min: -10, max: 10_000_000 }).map(String),
  fc.maxSafeInteger().map(String),
  fc.double().map(String),
  fc.constantFrom('1e3', '0x10', '+5', ' 7', '7 ', '5\n', '٣', '１', 'Infinity', '00', '007', '1_000', 'true', '-0', '5;6'),
  fc.string({ minLength: 1 }),
)
const word = fc.oneof(
  fc.string({ minLength: 1, maxLength: 70 }),
  fc.stringMatching(/^[A-Za-z0-9._-]{1,70}$/),
  fc.constantFrom(
    'localhost',
    'LOCALHOST',
    '0.0.0.0',
    '127.0.0.2',
    '::',
    'info',
    'trace',
    'All',
    'SYSTEM',
    'x\n',
    '-x',
    '.x',
    'x/y',
    'localhost.evil.com',
  ),
)

function read(env: Record<string, string>): Config | string {
  try {
    return readConfig(env)
  } catch (error) {
    if (!isFailure(error, 'setting')) throw error
    for (const [name, value] of Object.entries(env)) {
      expect(error.facts).toMatchObject({ name, value })
      expect(error.message).toContain(name)
      expect(error.message).not.toContain('\n')
    }
    return 'refused'
  }
}

test.each(RANGES)('%s is a whole number in its range, or refused', (variable, key, min, max) => {
  for (const edge of [min, max]) expect(read({ [variable]: String(edge) })).toMatchObject({ [key]: edge })
  for (const beyond of [min - 1, max + 1]) expect(read({ [variable]: String(beyond) })).toBe('refused')
  fc.assert(
    fc.property(number, (text) => {
      const isGood = /^[0-9]{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max
      const config = read({ [variable]: text })
      if (isGood) expect(config).toMatchObject({ [key]: Number(text) })
      else expect(config).toBe('refused')
    }),
    { numRuns: 300 },
  )
})

test.each(WORDS)('%s is what it may be, or refused', (variable, key, good) => {
  let accepted = 0
  fc.assert(
    fc.property(word, (text) => {
      const config = read({ [variable]: text })
      if (good(text)) expect(config, text).toMatchObject({ [key]: text })
      else expect(config, text).toBe('refused')
      if (good(text)) accepted++
    }),
    { numRuns: 500 },
  )
  expect(accepted).toBeGreaterThan(0)
})

test('an empty value is none, and variables of others are nobody’s business', () => {
  const defaults = readConfig({})
  const empty = Object.fromEntries([...RANGES, ...WORDS].map(([variable]) => [variable, '']))
  expect(readConfig({ ...empty, SLM_MESH_DATA_DIR: '', PATH: '/bin', SLM_MESH_UNKNOWN: 'x' })).toEqual(defaults)
  expect(defaults).toMatchObject({
    port: 7_899,
    host: '127.0.0.1',
    heartbeatMs: 15_000,
    staleMs: 30_000,
    deadMs: 60_000,
    rate: 2_000,
  })
  expect(Object.isFrozen(defaults)).toBe(true)
})
