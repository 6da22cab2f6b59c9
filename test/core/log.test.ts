import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createLog, LEVELS } from '../../src/core/log.ts'
import { testDir } from '../support/data-dir.ts'

const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

test.each(LEVELS)('level %s writes itself and what is worse, and warnings to stderr as well', (level) => {
  const path = join(testDir(), 'mesh.log')
  const stderr: string[] = []
  const log = createLog(
    path,
    level,
    () => 'brave-otter',
    (line) => stderr.push(line),
  )
  writeFileSync(path, '')
  log.debug('d')
  log.info('i')
  log.warn('w', { n: 1 })
  log.error('e', { error: new Error('why') })
  const wanted = ['debug', 'info', 'warn', 'error'].slice(LEVELS.indexOf(level))
  expect(lines(path).map((line) => line.level)).toEqual(wanted)
  expect(stderr.map((line) => /^slm-mesh (\w+): /.exec(line)?.[1])).toEqual(wanted.filter((l) => l === 'warn' || l === 'error'))
  if (level === 'info') {
    const [, warning, error] = lines(path)
    expect(warning).toMatchObject({ peer: 'brave-otter', pid: process.pid, event: 'w', n: 1 })
    expect(error.error).toMatch(/^Error: why\n {4}at /)
  }
})

test('a line stays a line, whatever is logged', () => {
  const path = join(testDir(), 'mesh.log')
  const stderr: string[] = []
  createLog(
    path,
    'info',
    () => 'x',
    (line) => stderr.push(line),
  ).warn('event', { text: 'one\ntwo\r\u001b[2J', nested: { a: ['\n'] } })
  expect(lines(path)).toMatchObject([{ text: 'one\ntwo\r\u001b[2J', nested: { a: ['\n'] } }])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(stderr.join()).toMatch(/^[^\u0000-\u0009\u000b-\u001f]*\n$/)
})

test('two files of 2.5 MiB are kept, of which the newest lines are in the first, for our eyes only', () => {
  const path = join(testDir(), 'mesh.log')
  const log = createLog(
    path,
    'info',
    () => 'x',
    () => {},
  )
  const facts = { filler: 'x'.repeat(64 * 1024) }
  for (let i = 0; i < 200; i++) log.info(`${i}`, facts)
  const [newest, older] = [lines(path), lines(`${path}.1`)]
  expect(newest.at(-1)?.event).toBe('199')
  expect(Number(older.at(-1)?.event) + 1).toBe(Number(newest[0]?.event))
  for (const file of [path, `${path}.1`]) expect(statSync(file).size).toBeLessThan(2.5 * 1024 * 1024 + 70_000)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('a log that cannot be written is given up without a word to its caller', () => {
  const stderr: string[] = []
  const log = createLog(
    join(testDir(), 'no/such/directory/mesh.log'),
    'info',
    () => 'x',
    (line) => stderr.push(line),
  )
  log.info('unheard')
  log.error('heard')
  expect(stderr).toHaveLength(1)
})
