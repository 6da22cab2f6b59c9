import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { inFile } from '../support/mesh-file.ts'
import { documentOf, HOSTILE, OBEYED, screenIn, shellIn } from '../support/shell.ts'

test('a shell and an agent exclude each other, and relative paths mean the shell’s directory', async () => {
  const project = testDir()
  mkdirSync(join(project, 'src'))
  await using agent = await Agent.start({ cwd: project })
  const shell = shellIn(agent.dir)
  const taken = await shell(['lock', 'acquire', 'api.ts', 'db.ts', '--reason', 'by hand'], { cwd: join(project, 'src') })
  expect(taken.code).toBe(0)
  expect(taken.out).toMatch(
    /^locked \S+\/src\/api\.ts \(ends in 10 min, token \d+\)\nlocked \S+\/src\/db\.ts \(ends in 10 min, token \d+\)\n$/,
  )
  await expect(agent.call('lock.acquire', { filePath: 'src/db.ts' })).rejects.toMatchObject({
    code: 'locked',
    facts: { conflicts: [{ holder: { name: 'cli' }, reason: 'by hand' }] },
  })
  expect((await shell(['lock', 'release', 'api.ts', 'db.ts'], { cwd: join(project, 'src') })).out).toMatch(
    /^released \S+\/src\/api\.ts\nreleased \S+\/src\/db\.ts\n$/,
  )
  await agent.call('lock.acquire', { filePath: 'src/db.ts', reason: 'a migration' })
  const refused = await shell(['lock', 'acquire', 'api.ts', 'db.ts', '--json'], { cwd: join(project, 'src') })
  expect({ code: refused.code, document: documentOf(refused) }).toMatchObject({
    code: 1,
    document: {
      ok: false,
      code: 'locked',
      facts: { conflicts: [{ holder: { name: await agent.name() }, reason: 'a migration' }] },
    },
  })
  expect(refused.err).toMatch(/is locked by .* \("a migration"\).*--wait 60 waits in line/)
  expect((await agent.call('lock.query', {})).locks).toHaveLength(1)
})

test('who waits in line gets it when it is given back; who waits in vain is told', async () => {
  await using agent = await companion()
  const cwd = testDir()
  const file = join(cwd, 'x')
  const shell = shellIn(agent.dir)
  await agent.call('lock.acquire', { filePath: file })
  expect(await shell(['lock', 'acquire', 'x', '--wait', '1'], { cwd })).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/you were number 1 in line/),
  })
  const waiting = shell(['lock', 'acquire', 'x', '--wait', '60', '--json'], { cwd })
  await eventually(() => inFile(agent.dir, (file) => file.prepare('SELECT 1 FROM lock_waits').get() !== undefined))
  await agent.call('lock.release', { filePath: file })
  expect(documentOf(await waiting)).toMatchObject({ ok: true, locks: [{ filePath: file, lockedBy: { id: 'cli' } }] })
})

test('a list shows who holds what and until when; asked for a path, the exit code says whether it is locked', async () => {
  const dir = dataDir()
  const cwd = testDir()
  const screen = screenIn(dir)
  await screen(['lock', 'acquire', 'src', '--reason', HOSTILE.slice(0, 30), '--ttl', '30'], { cwd })
  const { out } = await screen(['lock', 'list'], { columns: 120, cwd })
  expect(out).not.toMatch(OBEYED)
  expect(out).toMatch(/^PATH +HOLDER +SINCE +UNTIL +TOKEN +REASON\n\S+\/src +cli +0 s ago +in 30 min +\d+ +before\\u001b/)
  for (const columns of [20, 40, 80])
    for (const line of (await screen(['lock', 'list'], { columns })).out.split('\n'))
      expect(line.length).toBeLessThanOrEqual(columns)
  expect((await screen(['lock', 'list', '--absolute'], { columns: 200 })).out).toMatch(/ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d /)
  expect((await screen(['lock', 'list', 'src/deep/file.ts'], { cwd })).code).toBe(0)
  expect(await screen(['lock', 'list', 'elsewhere.ts'], { cwd })).toMatchObject({ code: 3, out: 'Not locked.\n' })
  const [lock] = documentOf(await screen(['lock', 'list', '--json'])).locks
  expect(lock).toMatchObject({ filePath: join(cwd, 'src'), lockedBy: { id: 'cli' }, reason: HOSTILE.slice(0, 30) })
  await screen(['lock', 'release', 'src'], { cwd })
  expect(await screen(['lock', 'list'])).toMatchObject({ code: 0, out: 'Not locked.\n' })
})

test('a lock is only taken from its holder by force, after a question, and everybody is told', async () => {
  await using agent = await companion({ env: { SLM_MESH_NAME: 'brave-otter' } })
  const cwd = testDir()
  const file = join(cwd, 'x')
  const screen = screenIn(agent.dir)
  await agent.call('lock.acquire', { filePath: file, reason: 'mine' })
  const stillHeld = async () => expect((await agent.call('lock.query', { filePath: file })).locks).toHaveLength(1)

  const plain = await screen(['lock', 'release', 'x'], { cwd })
  expect(plain).toMatchObject({
    code: 1,
    err: expect.stringMatching(/locked by brave-otter, not by you \(--force takes it away/),
  })
  await stillHeld()
  for (const given of [{}, { isTty: false }]) {
    const unasked = await screen(['lock', 'release', 'x', '--force'], { cwd, ...given })
    expect(unasked).toMatchObject({ code: 2, out: '', err: expect.stringMatching(/nobody can be asked here: --yes says yes/) })
    await stillHeld()
  }
  for (const key of ['n', '\r', '\u0003', '\u001b']) {
    const no = await screen(['lock', 'release', 'x', '--force'], { cwd, key })
    expect(no).toMatchObject({ code: 1, out: '' })
    expect(no.err).toMatch(/Take \S+\/x from brave-otter \(mine\)\? \[y\/N\] no\nNothing was released\.\n$/)
    await stillHeld()
  }
  const yes = await screen(['lock', 'release', 'x', '--force'], { cwd, key: 'y' })
  expect(yes).toMatchObject({ code: 0, out: expect.stringMatching(/^released \S+\/x, taken from brave-otter\n$/) })
  const { events } = await agent.call('event.read', { types: ['file_unlocked'] })
  expect(events).toMatchObject([{ payload: { reason: 'forced', holder: { name: 'brave-otter' } } }])
})

test('with --yes nobody is asked; one’s own lock needs neither; what is free cannot be released', async () => {
  await using agent = await companion()
  const cwd = testDir()
  const shell = shellIn(agent.dir)
  await agent.call('lock.acquire', { filePath: join(cwd, 'theirs') })
  await shell(['lock', 'acquire', 'own'], { cwd })
  const both = await shell(['lock', 'release', 'theirs', 'own', '--force', '--yes', '--json'], { cwd })
  expect({ code: both.code, document: documentOf(both) }).toMatchObject({
    code: 0,
    document: { ok: true, locks: [{ lockedBy: { name: await agent.name() } }, { lockedBy: { id: 'cli' } }] },
  })
  expect(await shell(['lock', 'release', 'own', '--force'], { cwd })).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/own" is not locked\n$/),
  })
})

test('words that mean nothing are refused', async () => {
  const screen = screenIn(dataDir())
  const refused: [args: string[], why: RegExp][] = [
    [['lock', 'acquire'], /missing required argument 'path'/],
    [['lock', 'acquire', 'x', '--ttl', '0'], /--ttl must be a whole number from 1 to 1440/],
    [['lock', 'acquire', 'x', '--wait', '301'], /--wait must be a whole number from 0 to 300/],
    [['lock', 'acquire', ''], /filePath/],
    [['lock', 'acquire', 'a\nb'], /control characters/],
    [['lock', 'acquire', 'x', '--reason', 'r'.repeat(501)], /reason/],
    [['lock', 'steal', 'x'], /unknown command 'steal'/],
  ]
  for (const [args, why] of refused)
    expect(await screen(args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(why) })
})
