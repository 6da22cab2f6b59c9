import { existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makePrivateDir, socketPlace, whyUnsafe } from '../../src/core/paths.ts'
import { testDir } from '../support/data-dir.ts'

describe('where a socket goes', () => {
  const linux = { platform: 'linux', tempDir: '/tmp/long', uid: 1000 } as const
  const at = (dirBytes: number) => `/${'d'.repeat(dirBytes - 1)}`
  /** `/peers/12345678.sock` */
  const TAIL = 20

  test.each([
    ['linux', 107],
    ['darwin', 103],
    ['freebsd', 103],
  ] as const)('on %s below the data directory as long as that takes %i bytes at most', (platform, limit) => {
    const fits = socketPlace(at(limit - TAIL), '12345678', { ...linux, platform })
    expect(fits.path).toBe(`${at(limit - TAIL)}/peers/12345678.sock`)
    expect(Buffer.byteLength(fits.path)).toBe(limit)
    const moved = socketPlace(at(limit - TAIL + 1), '12345678', { ...linux, platform })
    expect(moved.path).toMatch(/^\/tmp\/long\/slm-mesh-1000-[0-9a-f]{12}\/12345678\.sock$/)
    expect(moved.path.startsWith(`${moved.dir}/`)).toBe(true)
  })

  test('counts bytes, not characters', () => {
    const dataDir = `/${'ä'.repeat(60)}`
    expect(socketPlace(dataDir, '12345678', linux).dir).not.toBe(`${dataDir}/peers`)
  })

  test('a temporary directory that is too long as well gives way to /tmp; another mesh has another place', () => {
    const long = { ...linux, tempDir: at(100) }
    const one = socketPlace(at(200), 'x', long)
    const two = socketPlace(at(201), 'x', long)
    expect(one.path).toMatch(/^\/tmp\/slm-mesh-1000-/)
    expect(one.dir).not.toBe(two.dir)
    expect(socketPlace(at(200), 'x', { ...long, uid: 1001 }).dir).not.toBe(one.dir)
    expect(() => socketPlace(at(200), 'x'.repeat(200), long)).toThrow(expect.objectContaining({ code: 'storage' }))
  })

  test('on Windows it is a named pipe, and no directory', () => {
    expect(socketPlace('C:\\Users\\Ada\\.slm-mesh', 'ab12', { ...linux, platform: 'win32' })).toEqual({
      path: '\\\\.\\pipe\\slm-mesh-ab12',
      dir: null,
    })
  })
})

describe('a directory is refused', () => {
  const stat = (mode: number, uid = 1000, kind: 'dir' | 'link' | 'file' = 'dir') => ({
    ...{ mode, uid },
    isDirectory: () => kind === 'dir',
    isSymbolicLink: () => kind === 'link',
  })
  test.each([
    ['our own', stat(0o40700), undefined],
    ['one that others may read, which is narrowed', stat(0o40755), undefined],
    ['one that the group may write to', stat(0o40770), /mode 770/],
    ['one that all may write to, sticky or not', stat(0o41777), /mode 777/],
    ['another user’s', stat(0o40700, 0), /belongs to user 0/],
    ['a link', stat(0o120777, 1000, 'link'), /symbolic link/],
    ['a file', stat(0o100600, 1000, 'file'), /not a directory/],
  ])('or not: %s', (_, given, why) => {
    const reason = whyUnsafe(given, 1000, 'linux')
    if (why === undefined) expect(reason).toBeUndefined()
    else expect(reason).toMatch(why)
  })

  test('on Windows, where modes and owners say nothing, only if it is none', () => {
    expect(whyUnsafe(stat(0o40777, 0), undefined, 'win32')).toBeUndefined()
    expect(whyUnsafe(stat(0o100600, 0, 'file'), undefined, 'win32')).toMatch(/not a directory/)
  })

  test('for real: made with mode 0700 however deep, narrowed if wider, refused as a link', () => {
    const root = testDir()
    const deep = join(root, 'a/b/c')
    makePrivateDir(deep)
    expect(statSync(deep).mode & 0o777).toBe(0o700)
    mkdirSync(join(root, 'wide'), { mode: 0o755 })
    makePrivateDir(join(root, 'wide'))
    expect(statSync(join(root, 'wide')).mode & 0o777).toBe(0o700)
    symlinkSync(join(root, 'wide'), join(root, 'link'))
    expect(() => makePrivateDir(join(root, 'link'))).toThrow(expect.objectContaining({ code: 'unsafe' }))
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'))
    expect(() => makePrivateDir(join(root, 'dangling'))).toThrow(expect.objectContaining({ code: 'unsafe' }))
    expect(existsSync(join(root, 'nowhere'))).toBe(false)
  })
})
