import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { momentOf } from '../../src/cli/commands/logs.ts'
import { Agent } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { Program } from '../support/program.ts'
import { run } from '../support/run.ts'

const entry = (event: string, more: object = {}) =>
  `${JSON.stringify({ time: '2026-11-25T10:00:00.000Z', level: 'info', pid: 7, peer: 'brave-otter', event, ...more })}\n`

/** A directory with these logs in it: the current one, and the one that was rotated away. */
function logged(current: string, rotated?: string): string {
  const dir = dataDir()
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'mesh.log'), current)
  if (rotated !== undefined) writeFileSync(join(dir, 'mesh.log.1'), rotated)
  return dir
}

test('what a real session has logged is shown with when, how bad, who, and what', async () => {
  await using agent = await Agent.start()
  const { code, out, err } = await run(['logs'], meshEnv(agent.dir))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(
    new RegExp(
      `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} info  ${await agent.name()}\\[${agent.pid}\\] elected term=\\d+ because=vacant$`,
      'm',
    ),
  )
})

test('lines come oldest first from both files, as many as are wanted, and of the level that is wanted', async () => {
  const dir = logged(
    entry('three', { level: 'warn' }) + entry('four'),
    entry('one', { level: 'error' }) + entry('two', { level: 'debug' }),
  )
  const events = async (...args: string[]) =>
    (await run(['logs', '--json', ...args], meshEnv(dir))).out
      .split('\n')
      .flatMap((line) => (line ? [JSON.parse(line).event] : []))
  expect(await events()).toEqual(['one', 'two', 'three', 'four'])
  expect(await events('-n', '2')).toEqual(['three', 'four'])
  expect(await events('--level', 'warn')).toEqual(['one', 'three'])
  expect(await events('--since', '2026-11-25T10:00:00Z')).toHaveLength(4)
  expect(await run(['logs', '--since', '2026-11-25T10:00:01Z'], meshEnv(dir))).toMatchObject({ code: 3, out: '' })
})

test('a line that is none of ours is shown as it is, and nothing in any line moves the cursor', async () => {
  const dir = logged(`Segmentation fault\u001b[2J\n${entry('evil', { reason: 'a\u001b[31m\nb\u202e', '\u001b': 1 })}`)
  const { out } = await run(['logs'], meshEnv(dir))
  expect(out).toContain('Segmentation fault\\u001b[2J\n')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
  const json = await run(['logs', '--json'], meshEnv(dir))
  expect(
    json.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([{ text: expect.any(String) }, { event: 'evil' }])
})

test('--follow goes on through a rotation, and begins before there is a file', async () => {
  const dir = dataDir()
  await using following = new Program(['logs', '--follow', '--json'], meshEnv(dir))
  await eventually(() => following.pid > 0)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const log = join(dir, 'mesh.log')
  writeFileSync(log, entry('one'))
  await eventually(() => following.documents.length === 1)
  appendFileSync(log, entry('two'))
  renameSync(log, `${log}.1`)
  appendFileSync(log, entry('three').slice(0, 20))
  await eventually(() => following.documents.length === 2)
  appendFileSync(log, entry('three').slice(20))
  await eventually(() => following.documents.length === 3)
  expect(following.documents.map(({ event }) => event)).toEqual(['one', 'two', 'three'])
  following.kill('SIGINT')
  expect(await following.exited).toEqual({ code: 130, signal: null })
})

test('no log is exit code 3, and a time that is none is a misuse', async () => {
  expect(await run(['logs'], meshEnv(dataDir()))).toMatchObject({ code: 3, out: '' })
  const { code, err } = await run(['logs', '--since', 'yesterday'], meshEnv(dataDir()))
  expect({ code, lines: err.split('\n').length }).toEqual({ code: 2, lines: 2 })
  expect(momentOf('90s', 100_000)).toBe(10_000)
  expect(momentOf('2h', 7_200_000)).toBe(0)
  expect(momentOf('2026-11-25T10:00:00Z', 0)).toBe(Date.UTC(2026, 10, 25, 10))
})
