import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { placeOf } from '../../../src/core/nats/consumer.ts'
import { decodeEntry, type Entry, encodeEntry, tableOf } from '../../../src/core/nats/entry.ts'

const entry = (statements: Entry['statements']): Entry => ({
  ...{ id: 'e_1', after: null, schema: 4, host: 'h', check: 7 },
  statements,
})

describe('an entry of the log', () => {
  test('is read as it was written, whatever its values are', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null))
    const statement = fc.tuple(
      fc.constantFrom('INSERT INTO state VALUES (?, ?)', 'DELETE FROM messages WHERE id = ?', 'UPDATE peers SET live = 0'),
      fc.array(fc.oneof(value, fc.constantFrom('x'.repeat(40), 'y'.repeat(3_000))), { maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(statement), (statements) => {
        const written = entry(statements.map(([text, values]) => [text, ...values.map((v) => (v === 0 ? 0 : v))]))
        expect(decodeEntry(encodeEntry(written), 'here')).toEqual(written)
      }),
    )
  })

  test('says a text that many get once: 64 kB to 200 peers fit a message', () => {
    const random = Array.from({ length: 64 * 1024 }, () => String.fromCharCode(33 + Math.random() * 90)).join('')
    const statements = Array.from({ length: 200 }, (_, i) => [
      ['INSERT INTO messages (id, payload) VALUES (?, ?)', `m_${i}_${Math.random()}`, random] as const,
      [
        'INSERT INTO events (id, payload) VALUES (?, ?)',
        `e_${i}_${Math.random()}`,
        JSON.stringify({ to: `p_${Math.random()}` }),
      ] as const,
    ]).flat()
    expect(encodeEntry(entry(statements)).length).toBeLessThan(200_000)
  })

  test.each([
    "ATTACH DATABASE '/tmp/x' AS x",
    'PRAGMA writable_schema = 1',
    "VACUUM INTO '/tmp/x'",
    'DROP TABLE peers',
    'CREATE TABLE x (y)',
    'SELECT 1',
    "INSERT INTO browser_keys VALUES ('x', NULL, 0, 0, '')",
    'UPDATE leader SET term = 9',
    'DELETE FROM copy_position',
    'UPDATE sqlite_sequence SET seq = 0',
    "INSERT INTO state SELECT 'a', digest, '', 0, '', '', 0 FROM browser_keys",
    "INSERT INTO state VALUES (load_extension('x'))",
    'WITH x AS (SELECT 1) DELETE FROM peers',
    'REPLACE INTO leader VALUES (1)',
  ])('may not say %s', (text) => {
    expect(tableOf(text)).toBeUndefined()
    expect(() => decodeEntry(encodeEntry(entry([[text]])), 'here')).toThrow(/may not be run/)
  })

  test.each([
    ['no JSON', Buffer.from('{')],
    ['another version', Buffer.from('{"v":2}')],
    ['nothing', Buffer.from('')],
    ['what unpacks to more than anybody writes', Buffer.concat([Buffer.of(1), deflateRawSync(Buffer.alloc(80 * 1024 * 1024))])],
  ])('that is %s is refused', (_, bytes) => {
    expect(() => decodeEntry(bytes, 'here')).toThrow(/cannot be read/)
  })
})

test('a delivered message says where it stands, on older and newer servers', () => {
  expect(placeOf('$JS.ACK.SLM_MESH_x.c1.1.77.5.1700000000000000000.3')).toEqual({ seq: 77, count: 5 })
  expect(placeOf('$JS.ACK._.hash.SLM_MESH_x.c1.1.77.5.1700000000000000000.3.token')).toEqual({ seq: 77, count: 5 })
})
