import { expect, test } from 'vitest'
import { companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { documentOf, HOSTILE, OBEYED, screenIn, shellIn } from '../support/shell.ts'

test('what a shell sets an agent gets, and the other way round', async () => {
  await using agent = await companion()
  const shell = shellIn(agent.dir)
  expect(await shell(['state', 'set', 'build/status', 'green'])).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^build\/status is at version \d+\n$/),
  })
  expect((await agent.call('state.get', { key: 'build/status' })).entry).toMatchObject({
    value: 'green',
    updatedBy: { id: 'cli' },
  })
  await agent.call('state.set', { key: 'build/status', value: 'red' })
  expect(await shell(['state', 'get', 'build/status'])).toMatchObject({ code: 0, out: 'red' })
})

test('a value goes in from a file and out to a file byte for byte', async () => {
  const dir = dataDir()
  for (const value of ['{"a": 1}\n', '\n\n', 'no newline', '', 'ü 日本 👍\r\n\ttab', HOSTILE]) {
    expect((await screenIn(dir)(['state', 'set', 'file', '-'], { input: value })).code).toBe(0)
    expect((await screenIn(dir)(['state', 'get', 'file'], { isTty: false })).out).toBe(value)
  }
  const shell = shellIn(dir)
  await shell(['state', 'set', 'copy', '-'], { input: (await shell(['state', 'get', 'file'])).out })
  expect((await shell(['state', 'get', 'copy'])).out).toBe(HOSTILE)
})

test('before a terminal a value is safe, and who set it when stands beside it', async () => {
  const dir = dataDir()
  const screen = screenIn(dir)
  await screen(['state', 'set', 'k', HOSTILE, '--namespace', 'their own'])
  const { out, err } = await screen(['state', 'get', 'k', '-n', 'their own'])
  expect(out).not.toMatch(OBEYED)
  expect(out).toBe('before\\u001b[2J\\u001b]0;owned\\u0007\\u202eafter\\u009b31m\\u200b\nbrave-otter (human) → cli · 1 s ago\n')
  expect(err).toMatch(/^Nobody leads\.\nversion \d+ by cli, 0 s ago\n$/)
  expect((await screen(['state', 'get', 'k', '-n', 'their own', '--absolute'])).err).toMatch(/by cli, \d{4}-\d\d-\d\d \d\d:/)
  const list = await screen(['state', 'list', '-n', 'their own'], { columns: 60 })
  expect(list.out).not.toMatch(OBEYED)
  expect(list.out.split('\n')).toHaveLength(3)
})

test('compare-and-set: only at the version that was seen', async () => {
  const screen = screenIn(dataDir())
  const set = (...args: string[]) => screen(['state', 'set', 'k', ...args, '--json'])
  const first = documentOf(await set('1', '--if-version', '0'))
  const conflict = await set('2', '--if-version', '0')
  expect({ code: conflict.code, document: documentOf(conflict) }).toMatchObject({
    code: 1,
    document: { ok: false, code: 'version_conflict', facts: { expected: 0, actual: first.entry.version } },
  })
  const second = documentOf(await set('2', '--if-version', String(first.entry.version)))
  expect(second.entry.version).toBeGreaterThan(first.entry.version)
  expect((await screen(['state', 'delete', 'k', '--if-version', String(first.entry.version)])).code).toBe(1)
  expect((await screen(['state', 'delete', 'k'])).out).toBe(`k is deleted; it was at version ${second.entry.version}\n`)
  expect(await screen(['state', 'delete', 'k'])).toMatchObject({ code: 3, out: '' })
})

test('a list is of one namespace, in key order, by prefix, and its cut values say so', async () => {
  const screen = screenIn(dataDir())
  const long = 'x'.repeat(5_000)
  for (const [key, value] of [
    ['b/2', 'two\nlines'],
    ['a', 'other'],
    ['b/1', long],
  ] as const)
    await screen(['state', 'set', key, value])
  await screen(['state', 'set', 'b/3', 'elsewhere', '-n', 'other'])
  const { entries, more } = documentOf(await screen(['state', 'list', '--prefix', 'b/', '--json']))
  expect(entries.map(({ key }: { key: string }) => key)).toEqual(['b/1', 'b/2'])
  expect({ cut: entries[0].cut, more }).toEqual({ cut: true, more: false })
  const plain = (await screen(['state', 'list'], { isTty: false })).out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(plain.map(([key]) => key)).toEqual(['a', 'b/1', 'b/2'])
  expect(plain.map(([, value]) => value)).toEqual(['other', `${'x'.repeat(1_024)}…`, 'two\\u000alines'])
  const { out } = await screen(['state', 'list'], { columns: 80 })
  expect(out).toMatch(/^KEY +VALUE +VERSION +BY +CHANGED\na +other +\d+ +cli +\d+ s ago\n/)
  expect((await screen(['state', 'list', '-n', 'empty'])).out).toBe('No entries.\n')
  expect((await screen(['state', 'list', '-n', 'empty'], { isTty: false })).out).toBe('')
})

test('what is not there, or cannot be, is refused', async () => {
  const dir = dataDir()
  expect(await shellIn(dir)(['state', 'get', 'k'])).toMatchObject({ code: 3, out: '', err: expect.stringMatching(/no mesh yet/) })
  const screen = screenIn(dir)
  await screen(['state', 'set', 'k', 'v'])
  const refused: [args: string[], code: number, why: RegExp][] = [
    [['state', 'get', 'nothing'], 3, /no entry in namespace default "nothing"/],
    [['state', 'get'], 2, /missing required argument 'key'/],
    [['state', 'set', 'k'], 2, /missing required argument 'value'/],
    [['state', 'set', 'k\nk', 'v'], 2, /control characters/],
    [['state', 'set', 'k', 'v', '--if-version', '-1'], 2, /--if-version must be a whole number/],
    [['state', 'set', 'k', 'v', '-n', ''], 2, /namespace/],
    [['state', 'put', 'k', 'v'], 2, /unknown command 'put'/],
    [['state'], 2, /Usage: slm-mesh state/],
  ]
  for (const [args, code, why] of refused)
    expect({ args, ...(await screen(args)) }).toMatchObject({ args, code, out: '', err: expect.stringMatching(why) })
  const tooLong = await screen(['state', 'set', 'k', '-'], { input: 'x'.repeat(300_000) })
  expect(tooLong).toMatchObject({ code: 2, err: expect.stringMatching(/the limit is 262144/) })
  const nul = await screen(['state', 'set', 'k', '-'], { input: 'a\0' })
  expect(nul).toMatchObject({ code: 2, err: expect.stringMatching(/without NUL/) })
  expect((await screen(['state', 'get', 'k'], { isTty: false })).out).toBe('v')
})
