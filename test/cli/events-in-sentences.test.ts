import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { moment } from '../../src/cli/commands/events.ts'
import { sentence } from '../../src/cli/sentence.ts'
import type { Event } from '../../src/core/event.ts'
import { Agent, PROGRAM } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { documentOf, HOSTILE, OBEYED, screenIn, shellIn } from '../support/shell.ts'

const event = (type: string, payload: Record<string, unknown>): Event => ({
  ...{ id: 'e_1', seq: 1, type, payload, createdAt: '2026-01-01T00:00:00.000Z' },
  emittedBy: { id: 'p_1', name: 'brave-otter' },
})
const holder = { id: 'p_2', name: 'calm-heron' }
const sentences: [type: string, payload: Record<string, unknown>, says: string][] = [
  [
    'peer_joined',
    { agentType: 'codex', projectPath: '/repo', gitBranch: 'main', returned: false },
    'brave-otter (codex) joined in /repo on main',
  ],
  [
    'peer_joined',
    { agentType: 'codex', projectPath: '/repo', gitBranch: null, returned: true },
    'brave-otter (codex) came back in /repo',
  ],
  ['peer_left', { name: 'brave-otter', reason: 'left' }, 'brave-otter left'],
  ['peer_left', { name: 'brave-otter', reason: 'crashed' }, 'brave-otter crashed'],
  ['peer_left', { name: 'brave-otter', reason: 'expired' }, 'brave-otter was silent for too long'],
  ['peer_updated', { name: 'brave-otter', summary: 'the parser' }, 'brave-otter works on: the parser'],
  ['peer_updated', { name: 'brave-otter', summary: '' }, 'brave-otter took its summary back'],
  ['peer_updated', { name: 'brave-otter', projectPath: '/b', gitBranch: 'x' }, 'brave-otter is now in /b on x'],
  ['message_received', { messageId: 'm_1', from: 'p_1', to: 'p_2' }, 'brave-otter wrote to calm-heron (m_1)'],
  ['state_changed', { namespace: 'default', key: 'k', change: 'created' }, 'brave-otter created k'],
  ['state_changed', { namespace: 'n', key: 'k', change: 'deleted' }, 'brave-otter deleted k in n'],
  ['file_locked', { filePath: '/x', reason: '' }, 'brave-otter locked /x'],
  ['file_locked', { filePath: '/x', reason: 'renaming' }, 'brave-otter locked /x: renaming'],
  ['file_unlocked', { filePath: '/x', holder, reason: 'released' }, 'calm-heron unlocked /x'],
  ['file_unlocked', { filePath: '/x', holder, reason: 'expired' }, 'the lock of calm-heron on /x ran out'],
  ['file_unlocked', { filePath: '/x', holder, reason: 'left' }, '/x is unlocked: calm-heron left'],
  ['file_unlocked', { filePath: '/x', holder, reason: 'crashed' }, '/x is unlocked: calm-heron crashed'],
  ['file_unlocked', { filePath: '/x', holder, reason: 'forced' }, 'a person took /x away from calm-heron'],
  ['file_changed', { filePath: '/x' }, '/x changed'],
  ['file_changed', { filePath: '/x', change: 'change', holder, byHolder: null }, '/x changed in the hands of calm-heron'],
  ['file_changed', { filePath: '/x', change: 'unlink', holder, byHolder: false }, '/x was deleted, but not by calm-heron'],
  ['file_changed', { filePath: '/x', change: 'add', holder, byHolder: true }, '/x appeared, by calm-heron'],
  [
    'file_changed',
    { filePath: '/x', change: 'change', holder, byHolder: true, files: 70 },
    '70 files below /x changed, by calm-heron',
  ],
  ['leader_elected', { term: 7, because: 'dead', previous: null }, 'brave-otter leads in term 7: the leader before is gone'],
  ['leader_elected', { term: 7, because: 'vacant', previous: null }, 'brave-otter leads in term 7: nobody led'],
  ['leader_elected', { term: 7, because: 'hung', previous: null }, 'brave-otter leads in term 7: the leader before hung'],
  ['x_deploy', { ok: true }, 'brave-otter emitted {"ok":true}'],
  ['file_unlocked', { newer: 'words' }, 'brave-otter emitted {"newer":"words"}'],
]
test.each(sentences)('%s %o is a sentence', (type, payload, says) => {
  expect(sentence(event(type, payload), (id) => (id === 'p_2' ? 'calm-heron' : id))).toBe(says)
})

test('since takes a seq, a duration or a date, and nothing else', () => {
  const now = Date.parse('2026-01-02T00:00:00.000Z')
  expect(['1234', '90s', '10m', '2h', '1d', '2026-01-01T12:00:00Z'].map((given) => moment(given, now))).toEqual([
    '1234',
    '2026-01-01T23:58:30.000Z',
    '2026-01-01T23:50:00.000Z',
    '2026-01-01T22:00:00.000Z',
    '2026-01-01T00:00:00.000Z',
    '2026-01-01T12:00:00.000Z',
  ])
  for (const given of ['yesterday', '10x', '-5m', '']) expect(() => moment(given, now)).toThrow(/no date and time/)
})

test('what happened is told with names, newest last, of the types and the time that are asked for', async () => {
  await using agent = await Agent.start({ env: { SLM_MESH_NAME: 'brave-otter' } })
  const shell = shellIn(agent.dir)
  await agent.call('state.set', { key: 'schema', value: 'v' })
  await agent.call('message.send', { to: 'cli', message: 'x' })
  await agent.call('event.emit', { types: ['x_hostile'], payload: { text: HOSTILE } })
  const { code, out } = await shell(['events'])
  expect(code).toBe(0)
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(lines.map(([, , type, what]) => [type, what])).toEqual([
    ['peer_joined', expect.stringMatching(/^brave-otter \(test-agent\) joined in \//)],
    ['leader_elected', expect.stringMatching(/^brave-otter leads in term \d+: nobody led$/)],
    ['state_changed', 'brave-otter created schema'],
    ['message_received', expect.stringMatching(/^brave-otter wrote to cli \(m_/)],
    ['x_hostile', expect.stringMatching(/^brave-otter emitted \{"text":"before/)],
  ])
  expect(out).not.toMatch(/[^\n\t\P{Cc}]/u)

  const some = documentOf(await shell(['events', '--type', 'state_changed,peer_joined', '-t', 'x_hostile', '--json']))
  expect(some.events.map(({ type }: Event) => type)).toEqual(['peer_joined', 'state_changed', 'x_hostile'])
  expect(some.events[2].payload).toEqual({ text: HOSTILE })
  const after = documentOf(await shell(['events', '--since', String(some.events[1].seq), '--json']))
  expect(after.events.map(({ type }: Event) => type)).toEqual(['message_received', 'x_hostile'])
  expect(documentOf(await shell(['events', '--since', '10m', '--limit', '2', '--json']))).toMatchObject({
    more: true,
    events: [{ type: 'peer_joined' }, { type: 'leader_elected' }],
  })
  const more = await shell(['events', '--since', '10m', '--limit', '2'])
  expect(more.err).toMatch(new RegExp(`There are more: --since ${lines[1]?.[0]?.trim()} goes on from there`))
})

test('a table of events fits the terminal and is safe on it', async () => {
  const dir = dataDir()
  {
    await using agent = await Agent.start({ dir })
    await agent.call('event.emit', { types: ['x_hostile'], payload: { text: HOSTILE.repeat(10) } })
  }
  const screen = screenIn(dir)
  for (const columns of [20, 80, 200]) {
    const { out } = await screen(['events'], { columns })
    expect(out).not.toMatch(OBEYED)
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(columns)
  }
  expect((await screen(['events', '--absolute'], { columns: 200 })).out).toMatch(
    / {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}peer_joined/,
  )
  expect(await screen(['events', '--type', 'x_nothing'])).toMatchObject({ code: 0, out: 'No events.\n' })
})

test('following shows what happens as it happens, one document a line, and ends when it is interrupted', async () => {
  await using agent = await Agent.start({ env: { SLM_MESH_NAME: 'brave-otter' } })
  const { seq } = await agent.call('event.emit', { types: ['x_before'] })
  const child = spawn(process.execPath, [PROGRAM, 'events', '--follow', '--json', '--since', String(seq - 1)], {
    env: { PATH: process.env.PATH ?? '', ...meshEnv(agent.dir) },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = once(child, 'exit')
  const seen: Event[] = []
  createInterface(child.stdout).on('line', (line) => seen.push(JSON.parse(line)))
  await eventually(() => seen.length === 1)
  await agent.call('event.emit', { types: ['x_after'], payload: { n: 1 } })
  await agent.call('state.set', { key: 'k', value: 'v' })
  await eventually(() => seen.length === 3)
  expect(seen.map(({ type }) => type)).toEqual(['x_before', 'x_after', 'state_changed'])
  child.kill('SIGINT')
  expect(await ended).toEqual([130, null])
})

test('following can end after so many, and goes on when its leader is gone', async () => {
  const dir = dataDir()
  const first = await Agent.start({ dir })
  const { seq } = await first.call('event.emit', { types: ['x_start'] })
  const following = shellIn(dir)([
    'events',
    '--follow',
    '--limit',
    '4',
    '--since',
    String(seq),
    '-t',
    'x_end,peer_left,leader_elected,peer_joined',
  ])
  await using second = await Agent.start({ dir })
  await first.kill()
  await eventually(async () => (await second.call('mesh.status', {})).leader?.pid === second.pid)
  await second.call('event.emit', { types: ['x_end'] })
  const { code, out } = await following
  expect(code).toBe(0)
  expect(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[2])
      .sort(),
  ).toEqual(['leader_elected', 'peer_joined', 'peer_left', 'x_end'])
})

test('words that mean nothing are refused', async () => {
  const screen = screenIn(dataDir())
  const refused: [args: string[], code: number, why: RegExp][] = [
    [['events'], 3, /no mesh yet/],
    [['events', '--since', 'once'], 2, /--since "once" is no date and time/],
    [['events', '--limit', '201'], 2, /--limit must be a whole number from 1 to 200/],
  ]
  for (const [args, code, why] of refused)
    expect(await screen(args)).toMatchObject({ code, out: '', err: expect.stringMatching(why) })
  await screen(['state', 'set', 'k', 'v'])
  expect(await screen(['events', '--type', '1 2'])).toMatchObject({ code: 2, err: expect.stringMatching(/must be a letter/) })
})
