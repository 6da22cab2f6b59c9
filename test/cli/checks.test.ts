import { describe, expect, test } from 'vitest'
import { judgeSpace } from '../../src/cli/checks/disk-space.ts'
import { judgeFileSystem } from '../../src/cli/checks/file-system.ts'
import { judgeSilent, type Silent } from '../../src/cli/checks/leader.ts'
import { errorsSince } from '../../src/cli/checks/log.ts'
import { judgeNode } from '../../src/cli/checks/node.ts'
import { judgePort } from '../../src/cli/checks/port.ts'
import { judgeSocketPath } from '../../src/cli/checks/socket-path.ts'
import { writerOf } from '../../src/cli/checks/write-lock.ts'
import { registrationsIn } from '../../src/cli/setup/found.ts'
import { bytes } from '../../src/cli/sizes.ts'
import { wrap } from '../../src/cli/wrap.ts'
import { isSafeSqlite } from '../../src/core/sqlite/open-database.ts'

test.each([
  ['20.19.0', 'ok'],
  ['20.18.9', 'fail'],
  ['22.0.0', 'ok'],
  ['18.20.4', 'fail'],
])('Node %s is %s where >=20.19 is needed', (version, status) => {
  expect(judgeNode(version, '>=20.19')).toMatchObject({ status })
})

test.each([
  ['3.51.3', true],
  ['3.51.2', false],
  ['3.53.0', true],
  ['4.0.0', true],
  ['3.6.99', false],
  ['', false],
])('SQLite %s may be used: %s', (version, safe) => expect(isSafeSqlite(version)).toBe(safe))

describe('the file system', () => {
  test.each([
    ['NFS', 0x6969, 'warn'],
    ['CIFS, which some platforms tell as a negative number', 0xff534d42 | 0, 'warn'],
    ['SMB', 0xfe534d42, 'warn'],
    ['9p', 0x01021997, 'warn'],
    ['FUSE', 0x65735546, 'warn'],
    ['Ceph', 0x00c36400, 'warn'],
    ['Lustre', 0x0bd00bd0, 'warn'],
    ['AFS', 0x5346414f, 'warn'],
    ['GPFS', 0x47504653, 'warn'],
    ['FAT', 0x4d44, 'fail'],
    ['ext4', 0xef53, 'ok'],
    ['Btrfs', 0x9123683e, 'ok'],
    ['tmpfs', 0x01021994, 'ok'],
    ['what nobody knows', 0x12345678, 'unknown'],
  ])('%s', (_, type, status) => expect(judgeFileSystem(type, 'linux')).toMatchObject({ status }))

  test('of other platforms is not known', () => {
    expect(judgeFileSystem(0x6969, 'darwin').status).toBe('unknown')
    expect(judgeFileSystem(0, 'win32').status).toBe('unknown')
  })
})

test.each([
  [1024, 'fail'],
  [100 * 1024 * 1024, 'warn'],
  [10 * 1024 ** 3, 'ok'],
])('%d bytes left on the disk: %s', (free, status) => expect(judgeSpace(free).status).toBe(status))

describe('the holder of the write lock, from /proc/locks', () => {
  const index = { dev: 0x00fd02, ino: 1234 }
  const line = (rest: string) =>
    `1: FLOCK  ADVISORY  WRITE 900 fd:02:77 0 EOF\n2: ${rest}\n3: POSIX  ADVISORY  READ  901 fd:02:1234 123 123\n`
  test.each([
    ['the byte of the lock', 'POSIX  ADVISORY  WRITE 4242 fd:02:1234 120 120', 4242],
    ['a range that covers it', 'POSIX  ADVISORY  WRITE 4242 fd:02:1234 120 127', 4242],
    ['to the end', 'POSIX  ADVISORY  WRITE 4242 fd:02:1234 0 EOF', 4242],
    ['a device that stat calls otherwise', 'POSIX  ADVISORY  WRITE 4242 00:2e:1234 120 120', 4242],
    ['a reader', 'POSIX  ADVISORY  READ  4242 fd:02:1234 120 120', undefined],
    ['one that waits', '-> POSIX  ADVISORY  WRITE 4242 fd:02:1234 120 120', undefined],
    ['another byte', 'POSIX  ADVISORY  WRITE 4242 fd:02:1234 121 121', undefined],
    ['another file', 'POSIX  ADVISORY  WRITE 4242 fd:02:12345 120 120', undefined],
    ['a process of another namespace', 'POSIX  ADVISORY  WRITE 0 fd:02:1234 120 120', undefined],
    ['a lock without a process', 'OFDLCK ADVISORY  WRITE -1 fd:02:1234 120 120', undefined],
  ])('%s', (_, rest, pid) => expect(writerOf(line(rest), index)).toBe(pid))

  test('of two with that inode, the one on the same device', () => {
    const other = 'POSIX  ADVISORY  WRITE 1 00:2e:1234 120 120'
    expect(writerOf(line(`${other}\n4: POSIX  ADVISORY  WRITE 2 fd:02:1234 120 120`), index)).toBe(2)
  })
  test('nonsense names nobody', () => expect(writerOf('what\n\n::: 1 2 3', index)).toBeUndefined())
})

describe('the port', () => {
  test.each([
    [{ home: 7899, leading: 7899, isHeld: true }, 'ok', 'the leader serves on 7899'],
    [{ home: 7899, leading: 7900, isHeld: true }, 'warn', 'another program holds 7899'],
    [{ home: 7899, leading: 7900, isHeld: false }, 'ok', 'moves there by itself'],
    [{ home: 7899, leading: null, isHeld: true }, 'warn', 'another program holds 7899'],
    [{ home: 7899, leading: null, isHeld: false }, 'ok', 'free'],
    [{ home: 0, leading: 41000, isHeld: false }, 'ok', '41000'],
    [{ home: 0, leading: null, isHeld: false }, 'ok', 'any free one'],
  ])('%j: %s, %s', (given, status, found) => {
    expect(judgePort(given)).toMatchObject({ status, found: expect.stringContaining(found) })
  })
})

describe('the path of sockets', () => {
  const on = { platform: 'linux' as const, tempDir: '/tmp', uid: 1000 }
  const judge = (dir: string, tempDir = '/tmp') => judgeSocketPath(dir, `${dir}/peers`, { ...on, tempDir })
  test('fits', () =>
    expect(judge('/home/a/.slm-mesh')).toMatchObject({ status: 'ok', found: expect.stringContaining('/home/a') }))
  test('too long: they stand elsewhere, and that is said', () => {
    expect(judge(`/home/${'a'.repeat(120)}`)).toMatchObject({ status: 'ok', found: expect.stringContaining('too long') })
  })
  test('a pipe on Windows', () => {
    expect(judgeSocketPath('C:\\x', 'C:\\x\\peers', { ...on, platform: 'win32' })).toMatchObject({ status: 'ok' })
  })
})

describe('a leader that does not answer', () => {
  const silent: Silent = { name: 'nova', pid: 42, term: 7, state: 'waiting', silentMs: 60_000, living: 2 }
  test.each<[string, Partial<Silent>, string, RegExp, RegExp]>([
    ['is stopped', { state: 'stopped' }, 'fail', /stopped.*60 s/, /^kill -CONT 42$/],
    ['hangs beside others', {}, 'fail', /hangs.*60 s/, /another session takes over.*kill 42/],
    ['hangs alone', { living: 1 }, 'fail', /hangs/, /^end it: kill 42$/],
    ['has no guard', { silentMs: undefined }, 'fail', /hangs/, /kill 42/],
    ['moves its guard', { silentMs: 500 }, 'warn', /does not answer over HTTP/, /kill 42/],
  ])('%s', (_, given, status, found, fix) => {
    expect(judgeSilent({ ...silent, ...given })).toMatchObject({
      ...{ status, found: expect.stringMatching(found), fix: expect.stringMatching(fix) },
    })
  })
})

test('errors of the log are those of level error since a time; other lines are passed over', () => {
  const at = (hour: number, level: string, event: string) =>
    JSON.stringify({ time: new Date(Date.UTC(2026, 0, 2, hour)).toISOString(), level, event })
  const text = [
    at(1, 'error', 'too old'),
    at(3, 'warn', 'a warning'),
    'half a li',
    '{"level":"error"',
    at(4, 'error', 'boom'),
    '',
  ]
  expect(errorsSince(text.join('\n'), Date.UTC(2026, 0, 2, 2))).toEqual([{ time: '2026-01-02T04:00:00.000Z', event: 'boom' }])
})

describe('registrations in an agent’s configuration', () => {
  const words = (document: unknown, key = 'mcpServers') => registrationsIn(document, key).map((entry) => entry.words.join(' '))
  test('by name or by what is started', () => {
    const mcpServers = {
      'slm-mesh': { command: 'npx', args: ['-y', 'slm-mesh'] },
      mesh: { command: 'node', args: ['/opt/slm-mesh/dist/slm-mesh.js'] },
      other: { command: 'slm-mesher', args: ['not-slm-mesh-at-all'] },
    }
    expect(words({ mcpServers })).toEqual(['npx -y slm-mesh', 'node /opt/slm-mesh/dist/slm-mesh.js'])
  })
  test('a list of words, an object with a path, and a project of its own', () => {
    expect(words({ mcp: { 'slm-mesh': { type: 'local', command: ['slm-mesh', 'mcp'] } } }, 'mcp')).toEqual(['slm-mesh mcp'])
    expect(words({ context_servers: { m: { command: { path: 'slm-mesh', args: ['mcp'] } } } }, 'context_servers')).toEqual([
      'slm-mesh mcp',
    ])
    expect(words({ projects: { '/a': { mcpServers: { 'slm-mesh': { command: 'x' } } } } })).toEqual(['x'])
  })
  test('switched off', () => {
    const off = (entry: object) =>
      registrationsIn({ mcpServers: { 'slm-mesh': { command: 'x', ...entry } } }, 'mcpServers')[0]?.isOff
    expect([off({}), off({ disabled: true }), off({ enabled: false })]).toEqual([false, true, true])
  })
  test.each([null, [], 'text', { mcpServers: [] }, { mcpServers: { 'slm-mesh': null } }, { mcpServers: 7 }])(
    '%j breaks nothing',
    (document) => {
      expect(() => registrationsIn(document, 'mcpServers')).not.toThrow()
    },
  )
})

test('sizes have one unit, and a digit after the point where they are small', () => {
  expect([0, 912, 1024, 3_500, 120_000_000, 9_000_000_000].map(bytes)).toEqual([
    '0 B',
    '912 B',
    '1.0 KiB',
    '3.4 KiB',
    '114 MiB',
    '8.4 GiB',
  ])
})

test('text is broken between words; a word that fits nowhere stays whole', () => {
  expect(wrap('one two three', 8)).toBe('one two\nthree')
  expect(wrap('one two three', 8, 2)).toBe('one two\n  three')
  expect(wrap(`see /${'x'.repeat(20)} there`, 10)).toBe(`see\n/${'x'.repeat(20)}\nthere`)
  expect(wrap('日本語 日本語', 7)).toBe('日本語\n日本語')
})
