import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { Connection } from '../../src/core/sqlite/connection.ts'
import { Agent, PROGRAM } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { runWithin } from '../support/full-disk.ts'
import { run } from '../support/run.ts'
import { documentOf, HOSTILE, OBEYED, screenIn } from '../support/shell.ts'

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** How many messages stand in that mesh's file. */
function stored(dir: string): number {
  const file = join(dir, 'mesh.db')
  if (!existsSync(file)) return 0
  const connection = new Connection(file)
  try {
    return connection.get<{ n: number }>('SELECT count(*) AS n FROM messages')?.n ?? 0
  } catch {
    return 0 // it is just being made
  } finally {
    connection.close()
  }
}

/** A mesh with values in two namespaces, and unread mail: of one who lives, for one who has left. */
async function left(dir: string) {
  await using otter = await companion({ dir, name: 'otter', cwd: '/' })
  const heron = await companion({ dir, name: 'heron', cwd: '/' })
  await otter.call('state.set', { key: 'build/status', value: 'green' })
  await otter.call('state.set', { key: 'odd', namespace: 'their own', value: HOSTILE })
  const first = await otter.call('message.send', { to: 'heron', message: 'first', priority: 'urgent' })
  await heron.call('message.send', { to: 'otter', message: 'read by nobody yet' })
  const second = await otter.call('message.send', { to: 'heron', message: HOSTILE, replyTo: first.messageId })
  await otter.call('message.send', { to: 'heron', message: '{"n": 3}', type: 'json' })
  await heron.call('message.send', { to: 'cli', message: 'for a person' })
  const read = await otter.call('message.send', { to: 'heron', message: 'read already' })
  await heron.peer.store.messages.markSeen([read.messageId ?? ''])
  await heron[Symbol.asyncDispose]()
  return { first: first.messageId ?? '', second: second.messageId ?? '' }
}

test('state and unread mail move to another mesh, with names, order, threads and times, and nothing counts as read by it', async () => {
  const [from, to, file] = [dataDir(), dataDir(), join(testDir(), 'mesh.jsonl')]
  const { first, second } = await left(from)
  const unread = async (dir: string, name: string) =>
    documentOf(await screenIn(dir)(['inbox', name, '--json'])) as { messages: { id: string; state: string }[] }
  const before = await unread(from, 'heron')

  const exported = await run(['export', '--out', file], meshEnv(from))
  expect(exported).toMatchObject({ code: 0, out: `Exported 2 values, 5 unread messages to ${file}.\n` })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).not.toMatch(OBEYED)
  expect(await unread(from, 'heron')).toEqual(before)
  expect(before.messages.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])

  // A dry run says what the real one does, and does nothing.
  const tried = await run(['import', file, '--dry-run'], meshEnv(to))
  expect(tried).toMatchObject({
    code: 0,
    out: 'This is what would be done:\nValues: 2 new\nMessages: 5 unread, with 2 mailboxes made\n',
  })
  expect(documentOf(await screenIn(to)(['peers', '--all', '--json']))).toMatchObject({ peers: [] })
  expect(await run(['import', file], meshEnv(to))).toMatchObject({
    code: 0,
    out: 'Values: 2 new\nMessages: 5 unread, with 2 mailboxes made\n',
  })

  // Whoever comes back under its name finds what waited for it.
  await using heron = await companion({ dir: to, name: 'heron', cwd: '/elsewhere' })
  const { messages } = await heron.call('message.inbox', {})
  expect(messages).toMatchObject([
    { id: first, from: { name: 'otter', agentType: 'test-agent' }, payload: 'first', priority: 'urgent', thread: first },
    { id: second, payload: HOSTILE, replyTo: first, thread: first },
    { payload: '{"n": 3}', type: 'json' },
  ])
  const written = linesOf(readFileSync(file, 'utf8'))
  expect(messages.map(({ id, createdAt }) => [id, createdAt])).toEqual(
    written
      .filter(({ kind, to }) => kind === 'message' && (to as { name: string }).name === 'heron')
      .map(({ id, createdAt }) => [id, createdAt]),
  )
  expect((await heron.call('state.get', { key: 'odd', namespace: 'their own' })).entry).toMatchObject({
    value: HOSTILE,
    updatedBy: { name: 'otter' },
  })
  expect((await screenIn(to)(['inbox', '--json'])).out).toContain('for a person')

  // What has been read stays read, and nothing is there twice.
  expect((await run(['import', file], meshEnv(to))).out).toBe('Values: 2 here already\nMessages: 5 here already\n')
  expect((await heron.call('message.inbox', {})).messages).toEqual([])

  // An answer reaches whoever asked, in the same thread, once they have come over.
  const { messageId } = await heron.call('message.send', { to: 'otter', message: 'done', replyTo: second })
  await using otter = await companion({ dir: to, name: 'otter', cwd: '/' })
  expect((await otter.call('message.inbox', {})).messages).toMatchObject([
    { payload: 'read by nobody yet', from: { name: 'heron' } },
    { id: messageId, thread: first },
  ])
})

test('through a pipe, out of a mesh and into one that agents are working in: who waits for mail is woken', async () => {
  const [from, to] = [dataDir(), dataDir()]
  await left(from)
  await using _agent = await Agent.start({ dir: from, client: 'codex' })
  await using heron = await Agent.start({ dir: to, client: 'codex', env: { SLM_MESH_NAME: 'heron' } })
  const waiting = heron.call('message.inbox', { wait: 60 })
  const exported = await run(['export'], meshEnv(from))
  expect(exported.err).toContain('Exported 2 values, 5 unread messages.\n')
  const imported = await run(['import', '-', '--json'], meshEnv(to), { input: exported.out })
  expect(JSON.parse(imported.out)).toMatchObject({
    ok: true,
    state: { created: 2 },
    messages: { brought: 5, known: 0, mailboxes: 1 },
  })
  expect((await waiting).messages[0]).toMatchObject({ payload: 'first', from: { name: 'otter' } })
})

test('mail of a session without a name waits for the same agent in the same directory', async () => {
  const [from, to, cwd] = [dataDir(), dataDir(), testDir()]
  {
    await using sender = await companion({ dir: from })
    const one = await companion({ dir: from, client: 'codex', cwd })
    await sender.call('message.send', { to: one.peer.self.id, message: 'for you' })
    await one[Symbol.asyncDispose]()
  }
  await run(['import', '-'], meshEnv(to), { input: (await run(['export'], meshEnv(from))).out })
  await using other = await companion({ dir: to, client: 'codex', cwd: testDir() })
  expect((await other.call('message.inbox', {})).messages).toEqual([])
  await using same = await companion({ dir: to, client: 'codex', cwd })
  expect((await same.call('message.inbox', {})).messages).toMatchObject([{ payload: 'for you' }])
})

test('another value under the same key stays, unless it is to be replaced', async () => {
  const [from, to] = [dataDir(), dataDir()]
  await screenIn(from)(['state', 'set', 'k', 'theirs'])
  await screenIn(to)(['state', 'set', 'k', 'mine'])
  const { out: input } = await screenIn(from)(['export'], { isTty: false })
  expect((await screenIn(to)(['import', '-'], { input })).out).toContain('1 left out, as another value is here (--replace)')
  expect((await screenIn(to)(['state', 'get', 'k'], { isTty: false })).out).toBe('mine')
  expect((await screenIn(to)(['import', '-', '--replace', '--dry-run'], { input })).out).toContain('Values: 1 replaced')
  expect((await screenIn(to)(['state', 'get', 'k'], { isTty: false })).out).toBe('mine')
  expect((await screenIn(to)(['import', '-', '--replace'], { input })).out).toContain('Values: 1 replaced')
  expect((await screenIn(to)(['state', 'get', 'k'], { isTty: false })).out).toBe('theirs')
})

test('mail that is older than mail is kept is left out: it would be gone within a minute', async () => {
  const [from, to] = [dataDir(), dataDir()]
  await left(from)
  const { out } = await run(['export'], meshEnv(from))
  const input = out.replace(/"createdAt":"[^"]*"/, `"createdAt":"${new Date(Date.now() - 25 * 3_600_000).toISOString()}"`)
  expect((await run(['import', '-'], meshEnv(to), { input })).out).toContain(
    '4 unread, with 2 mailboxes made, 1 left out, as too old',
  )
  const longer = { SLM_MESH_MESSAGE_TTL_H: '48' }
  expect((await run(['import', '-'], meshEnv(to, longer), { input })).out).toContain('1 unread, 4 here already')
})

test('a file that is cut off, changed or no export at all changes nothing, and the line is named', async () => {
  const [from, to] = [dataDir(), dataDir()]
  await left(from)
  const { out: whole } = await screenIn(from)(['export'], { isTty: false })
  const lines = whole.split('\n')
  const complaint = async (input: string) => (await screenIn(to)(['import', '-'], { input })).err
  const at = (i: number, line: string) => [...lines.slice(0, i), line, ...lines.slice(i + 1)].join('\n')
  expect(await complaint('')).toContain('it ends too early')
  expect(await complaint('hello\n')).toContain('line 1: is not JSON')
  expect(await complaint('{"kind":"other"}\n')).toContain('line 1: is not the beginning of what slm-mesh export writes')
  expect(await complaint(at(0, lines[0]!.replace('"version":1', '"version":2')))).toContain('newer slm-mesh')
  expect(await complaint(lines.slice(0, -2).join('\n'))).toContain('it was cut off')
  expect(await complaint(lines.slice(0, 4).join('\n'))).toContain('it was cut off')
  expect(await complaint(lines.toSpliced(2, 1).join('\n'))).toContain('lines are missing')
  expect(await complaint(at(1, lines[1]!.replace('build/status', '\\u0000')))).toMatch(/line 2: key: must/)
  expect(await complaint(at(3, lines[3]!.slice(0, 20)))).toContain('line 4: is not JSON')
  expect(await complaint(`${whole}{"kind":"state"}\n`)).toContain('stands behind the end')
  expect(existsSync(join(to, 'mesh.db'))).toBe(false)
  // One of a later time may say more.
  const input = at(1, lines[1]!.replace('{', '{"more": 1, '))
  expect((await screenIn(to)(['import', '-'], { input })).code).toBe(0)
})

test('there is nothing to export where there is no mesh, and no file is left where one cannot be written', async () => {
  const dir = dataDir()
  expect(await screenIn(dir)(['export'])).toMatchObject({ code: 3, out: '' })
  await screenIn(dir)(['state', 'set', 'k', 'v'])
  expect((await screenIn(dir)(['export', '--json'])).code).toBe(2)
  expect((await screenIn(dir)(['export', '--out', '/nowhere/at/all'])).code).toBe(1)
  expect(await screenIn(dir)(['import', '/nowhere/at/all'])).toMatchObject({
    code: 3,
    out: '',
    err: 'slm-mesh: no file "/nowhere/at/all"\n',
  })
  expect(await screenIn(dir)(['import', '/'])).toMatchObject({ code: 2, out: '', err: 'slm-mesh: / is a directory\n' })
  const file = join(testDir(), 'out')
  writeFileSync(file, 'before')
  expect(documentOf(await screenIn(dir)(['export', '--out', file, '--json']))).toMatchObject({ ok: true, file, state: 1 })
  expect(linesOf(readFileSync(file, 'utf8')).map(({ kind }) => kind)).toEqual(['header', 'state', 'end'])
})

test.runIf(process.platform === 'linux')('an export of which the last bytes find no room fails, and leaves no file', async () => {
  const dir = dataDir()
  for (const key of ['a', 'b', 'c', 'd']) await screenIn(dir)(['state', 'set', key, '-'], { input: key.repeat(50_000) })
  const file = join(testDir(), 'mesh.jsonl')
  const within = (bytes: number) => runWithin(bytes, [process.execPath, PROGRAM, 'export', '--out', file], meshEnv(dir))
  expect((await run(['export', '--out', file], meshEnv(dir))).code).toBe(0)
  const { size } = statSync(file)
  rmSync(file)
  const cut = within(size - 1)
  expect(cut).toMatchObject({ status: 1, stdout: '' })
  expect(cut.stderr).toContain('EFBIG')
  expect(readdirSync(dirname(file))).toEqual([])
  expect(within(size).status).toBe(0)
  expect(statSync(file).size).toBe(size)
})

test('much mail and large values move whole, and stop in between without harm', { timeout: 120_000 }, async () => {
  const [from, to] = [dataDir(), dataDir()]
  {
    await using one = await companion({ dir: from, name: 'one', env: { SLM_MESH_RATE: '0' } })
    await using two = await companion({ dir: from, name: 'two' })
    for (let i = 0; i < 6; i++) await one.call('state.set', { key: `large ${i}`, value: `${i}`.repeat(200_000) })
    await Promise.all(Array.from({ length: 450 }, (_, i) => one.call('message.send', { to: 'two', message: `number ${i}` })))
    expect((await two.peer.store.messages.unreadOfAll(0, 1_000)).length).toBe(450)
  }
  const { out: input } = await run(['export'], meshEnv(from))
  const killed = spawn(process.execPath, [PROGRAM, 'import', '-'], { env: { PATH: process.env.PATH ?? '', ...meshEnv(to) } })
  killed.stdin.on('error', () => {})
  killed.stdin.end(input)
  const ended = once(killed, 'close')
  await eventually(() => killed.exitCode !== null || stored(to) > 0)
  killed.kill('SIGKILL')
  await ended
  const before = stored(to)
  console.info(`import: killed when ${before} of 450 messages were stored`)
  const again = JSON.parse((await run(['import', '-', '--json'], meshEnv(to), { input })).out)
  expect(again).toMatchObject({ state: { same: 6 }, messages: { brought: 450 - before, known: before } })
  expect(stored(to)).toBe(450)
  await using two = await companion({ dir: to, name: 'two' })
  const texts: string[] = []
  for (let more = true; more; ) {
    const answer = await two.call('message.inbox', { limit: 100 })
    texts.push(...answer.messages.map(({ payload }) => payload))
    more = answer.more
  }
  expect(texts).toEqual(Array.from({ length: 450 }, (_, i) => `number ${i}`))
  expect((await two.call('state.get', { key: 'large 5' })).entry.value).toBe('5'.repeat(200_000))
})
