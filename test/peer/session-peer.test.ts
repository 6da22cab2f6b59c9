import { expect, test } from 'vitest'
import type { ProcessRow } from '../../src/peer/ancestry.ts'
import { byAncestor, type LivePeer, type Wanted } from '../../src/peer/session-peer.ts'

/** One terminal with two shells; an agent in each, its server behind npx, and a hook of the first, behind a shell. */
const machine: ProcessRow[] = [
  [1, 0, 'init'],
  [10, 1, 'tmux'],
  [20, 10, 'bash'],
  [21, 20, 'codex'],
  [22, 21, 'npm exec slm-mesh'],
  [23, 22, 'sh -c slm-mesh'],
  [24, 23, 'node /x/slm-mesh'],
  [27, 21, 'sh -c npx -y slm-mesh hook codex PreToolUse'],
  [28, 27, 'npm exec slm-mesh hook codex PreToolUse'],
  [29, 28, 'node /x/slm-mesh hook codex PreToolUse'],
  [30, 10, 'bash'],
  [31, 30, 'codex'],
  [34, 31, 'node /x/slm-mesh'],
  [39, 31, 'node /x/slm-mesh hook codex PreToolUse'],
].map(([pid, parent, command]) => ({
  pid: Number(pid),
  parent: Number(parent),
  startedAt: String(pid),
  command: String(command),
}))

const lookAt = (rows: ProcessRow[]) => (pid: number) => rows.find((row) => row.pid === pid)
const peer = (pid: number, projectPath = '/project', more: Partial<LivePeer> = {}): LivePeer => ({
  ...{ name: `peer-${pid}`, agentType: 'codex', sessionKey: null, projectPath, pid, startedAt: String(pid) },
  ...{ parent: null, socketPath: `/s/${pid}` },
  ...more,
})
const wanted: Wanted = { agentTypes: ['codex'], session: undefined, cwd: '/project', isOneProcess: false }
const find = (peers: LivePeer[], hook: number, more: Partial<Wanted> = {}, rows = machine) =>
  byAncestor(peers, lookAt(rows), hook, { ...wanted, ...more })?.name

test('a hook finds the server that its own agent has started, through what launched either', () => {
  expect(find([peer(24), peer(34)], 29)).toBe('peer-24')
  expect(find([peer(24), peer(34)], 39)).toBe('peer-34')
  expect(find([peer(24, '/elsewhere')], 29), 'wherever it works').toBe('peer-24')
})

test('an agent whose server is not there yet does not get that of its neighbour in the same terminal', () => {
  expect(find([peer(34)], 29)).toBeUndefined()
  expect(find([peer(24)], 39)).toBeUndefined()
})

test('a script of the user between the agent and the hook does not matter', () => {
  const rows = [...machine.filter(({ pid }) => pid !== 29), { ...peer(29), parent: 26, command: 'node slm-mesh' }]
  const script = { pid: 26, parent: 21, startedAt: '26', command: 'bash /home/u/my-hook.sh' }
  expect(find([peer(24), peer(34)], 29, {}, [...rows, script])).toBe('peer-24')
})

test('a pid that another process has by now is nobody', () => {
  expect(find([peer(24, '/project', { startedAt: '7' })], 29)).toBeUndefined()
})

test('of several servers of one agent, that of the innermost project around the session; else none', () => {
  const second = { pid: 25, parent: 21, startedAt: '25', command: 'node /x/slm-mesh' }
  const rows = [...machine, second]
  expect(find([peer(24, '/project'), peer(25, '/project/part')], 29, { cwd: '/project/part/src' }, rows)).toBe('peer-25')
  expect(find([peer(24, '/project'), peer(25, '/project/part')], 29, { cwd: '/project/partial' }, rows)).toBe('peer-24')
  expect(find([peer(24), peer(25)], 29, {}, rows)).toBeUndefined()
  expect(find([peer(24, '/a'), peer(25, '/b')], 29, {}, rows)).toBeUndefined()
})

/** An editor with one process for its windows, each with its own host of servers, and another that runs the hooks. */
const editor: ProcessRow[] = [
  [1, 0, 'init'],
  [50, 1, 'cursor'],
  [51, 50, 'cursor --type=extension-host'],
  [52, 51, 'node /x/slm-mesh'],
  [61, 50, 'cursor --type=extension-host'],
  [62, 61, 'node /x/slm-mesh'],
  [70, 50, 'cursor --type=utility'],
  [71, 70, 'node /x/slm-mesh hook cursor preToolUse'],
].map(([pid, parent, command]) => ({
  pid: Number(pid),
  parent: Number(parent),
  startedAt: String(pid),
  command: String(command),
}))

test('in an editor of several windows it is the project that tells whose hook it is', () => {
  const windows = [peer(52, '/a'), peer(62, '/b')]
  const one = { isOneProcess: true }
  expect(find(windows, 71, { ...one, cwd: '/b/src' }, editor)).toBe('peer-62')
  expect(find(windows, 71, { ...one, cwd: '/c' }, editor)).toBeUndefined()
  expect(find(windows, 71, { cwd: '/b' }, editor), 'an agent of the shell is one process a session').toBeUndefined()
  expect(find([peer(52, '/a')], 71, { ...one, cwd: '/b' }, editor), 'the only one is not good enough').toBeUndefined()
})

test('on Windows a start is told to a tenth of a microsecond by one, and to a microsecond by the other', () => {
  const start = '134093241234567890'
  const rows = machine.map((row) => (row.pid === 24 ? { ...row, startedAt: start } : { ...row, startedAt: '' }))
  expect(find([peer(24, '/project', { startedAt: '134093241234567893' })], 29, {}, rows)).toBe('peer-24')
  expect(find([peer(24, '/project', { startedAt: '134093241234567990' })], 29, {}, rows)).toBeUndefined()
})
