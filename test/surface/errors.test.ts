import { expect, test } from 'vitest'
import { type Code, type Conflict, type Facts, fail, type MeshError } from '../../src/core/errors.ts'
import { errorText } from '../../src/mcp/answers.ts'
import { expectStored } from '../support/stored.ts'

const PATH = '/home/ada/.slm-mesh/mesh.db'
const conflict: Conflict = {
  filePath: '/repo/schema.sql',
  holder: { id: 'p_01', name: 'brave-otter' },
  reason: 'adding a column',
  until: '2030-01-01T12:00:00.000Z',
  kind: 'held',
}

/** Facts of every code, so that a new one does not compile until its sentence stands in errors.txt. */
const examples: { [C in Code]: Facts[C][] } = {
  invalid: [{ operation: 'lock.acquire', issues: ['ttlMinutes: Too small: expected number to be >=1', 'path: not known here'] }],
  too_large: [{ what: 'message', limitBytes: 65_536, actualBytes: 70_000 }],
  unknown_peer: [
    { peer: 'brave-ottr', suggestions: ['brave-otter', 'bold-otter'] },
    { peer: 'otter', suggestions: [] },
  ],
  ambiguous_peer: [{ peer: '01jc', matches: ['brave-otter', 'calm-heron'] }],
  not_found: [{ what: 'message of yours', id: 'm_0123456789abcdefghj' }],
  locked: [
    { conflicts: [conflict], place: null },
    { conflicts: [conflict, { ...conflict, holder: { id: 'p_02', name: 'calm-heron' }, reason: '', kind: 'awaited' }], place: 2 },
  ],
  not_holder: [
    { filePath: '/repo/schema.sql', holder: 'brave-otter' },
    { filePath: '/repo/schema.sql', holder: null },
  ],
  impersonation: [{ peer: 'brave-otter' }],
  version_conflict: [
    { namespace: 'default', key: 'schema', expected: 7, actual: 9, updatedBy: 'brave-otter' },
    { namespace: 'default', key: 'schema', expected: 0, actual: 9, updatedBy: 'brave-otter' },
    { namespace: 'default', key: 'schema', expected: 7, actual: 0, updatedBy: null },
  ],
  full: [{ what: 'the mailbox of brave-otter', limit: 10_000 }],
  rate_limited: [{ limit: 2_000, windowMs: 10_000, retryAfterMs: 2_400 }],
  unknown_outcome: [{ operation: 'message.send' }],
  cancelled: [{ operation: 'lock.acquire' }],
  closed: [{ why: 'it was asked to leave' }],
  not_leader: [{ term: 1_790_000_000 }],
  busy: [{ path: PATH, waitedMs: 5_012 }],
  disk_full: [{ path: PATH }],
  read_only: [{ path: PATH }],
  corrupt: [
    { path: PATH, detail: 'database disk image is malformed', recurring: false },
    { path: PATH, detail: 'file is not a database', recurring: true },
  ],
  storage: [{ path: PATH, detail: 'its file system does not allow WAL (journal mode delete)' }],
  library_unfit: [{ detail: 'its SQLite 3.40.0 can lose commits of several processes' }],
  unsafe: [{ path: '/home/ada/.slm-mesh', why: 'others may write to it (mode 777)' }],
  schema_newer: [{ path: PATH, found: 3, known: 1 }],
  unreachable: [{ url: 'tls://nats.example:4222', since: '2030-01-01T12:00:00.000Z', detail: 'connection refused' }],
  access_denied: [
    { url: 'tls://nats.example:4222', what: 'in' },
    { url: 'tls://nats.example:4222', what: 'publish to slm.other.log' },
  ],
  server_unfit: [
    {
      url: 'tls://nats.example:4222',
      found: 'runs nats-server 2.10.27',
      fix: 'use nats-server 2.12 or newer on every server of the cluster',
    },
  ],
  setting: [{ name: 'SLM_MESH_PORT', value: 'http', expected: 'a port from 0 to 65535' }],
  internal: [{ reference: 'c0ffee00' }],
}

const failures = Object.entries(examples).flatMap(([code, all]) => all.map((facts) => fail(code as Code, facts as Facts[Code])))

test('every error says what errors.txt says, and what a model should do about it', () => {
  const paragraph = (error: MeshError) =>
    `${error.code}\n  ${error.message}\n  ${errorText(error).slice(error.message.length + 2)}\n`
  expectStored('errors.txt', failures.map(paragraph).join('\n'))
})

test.each(failures)('the sentence of $code is whole, on one line, and names no undefined', (error) => {
  for (const text of [error.message, errorText(error)]) {
    expect(text).toMatch(/\S/)
    expect(text).not.toMatch(/undefined|null|NaN|\[object|\n/)
  }
  expect(errorText(error).startsWith(`${error.message}. `)).toBe(true)
  expect(errorText(error).slice(error.message.length + 2)).toMatch(/^([A-Z]|mesh_).*\.$/)
})
