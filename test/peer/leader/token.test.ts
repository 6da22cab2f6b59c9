import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writePrivately } from '../../../src/core/private-file.ts'
import { writeToken } from '../../../src/peer/leader/token.ts'
import { testDir } from '../../support/data-dir.ts'

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8)

test('a token is long, new each time, and stands in a file that only its owner reads', () => {
  const path = join(testDir(), 'leader.token')
  const tokens = Array.from({ length: 50 }, () => {
    const { token, hash } = writeToken(path)
    expect(readFileSync(path, 'utf8')).toBe(`${token}\n`)
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    expect(hash).toBe(createHash('sha256').update(token).digest('hex'))
    return token
  })
  expect(new Set(tokens).size).toBe(50)
  expect(modeOf(path)).toBe('600')
})

test.each([0o000, 0o022])('the mode is 600 under any umask: %s', (umask) => {
  const before = process.umask(umask)
  try {
    const path = join(testDir(), 'file')
    writePrivately(path, 'x')
    expect(modeOf(path)).toBe('600')
  } finally {
    process.umask(before)
  }
})

test('a file that others could read is replaced, not filled', () => {
  const path = join(testDir(), 'leader.token')
  writeFileSync(path, 'old')
  chmodSync(path, 0o666)
  const old = statSync(path).ino
  writePrivately(path, 'new')
  expect(modeOf(path)).toBe('600')
  expect(statSync(path).ino).not.toBe(old) // who has the old one open reads nothing new
})

test('a link at the path is replaced, and what it points to stays as it was', () => {
  const dir = testDir()
  const victim = join(dir, 'victim')
  const path = join(dir, 'leader.token')
  writeFileSync(victim, 'precious')
  symlinkSync(victim, path)
  const { token } = writeToken(path)
  expect(readFileSync(victim, 'utf8')).toBe('precious')
  expect(lstatSync(path).isSymbolicLink()).toBe(false)
  expect(readFileSync(path, 'utf8')).toBe(`${token}\n`)
})

test('nothing else is left beside it', () => {
  const dir = testDir()
  writeToken(join(dir, 'leader.token'))
  writePrivately(join(dir, 'port'), '7899\n')
  expect(readdirSync(dir).sort()).toEqual(['leader.token', 'port'])
})

test('where it cannot take its place, nothing is left and the old one stays', () => {
  const dir = testDir()
  const path = join(dir, 'leader.token')
  mkdirSync(path)
  expect(() => writePrivately(path, 'x')).toThrow()
  expect(readdirSync(dir)).toEqual(['leader.token'])
})
