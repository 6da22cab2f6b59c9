import { spawn } from 'node:child_process'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { sight } from '../../src/peer/process-identity.ts'
import { Agent, PROGRAM } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'

/**
 * How soon a server must be gone, and its locks free, once its client is: 2 s where nothing else keeps the machine busy.
 * No timer of the mesh is behind it: the next that could notice a loss (SLM_MESH_STALE_MS) takes three times as long.
 */
const WITHIN_MS = 10_000
const FILE = '/tmp/a-file-that-need-not-exist'

const PARENT = new URL('../programs/leave-stdin-open.mjs', import.meta.url).pathname

const isRunning = (pid: number) => sight(pid)?.ended === false

let ends = 0
afterAll(() =>
  report(17, {
    load: 'an agent that holds a lock',
    injected: ends,
    more: `ways to lose a client, each process gone and its lock free within ${WITHIN_MS} ms`,
  }),
)

interface Loss {
  /** How the client goes away. */
  readonly lose: (agent: Agent) => void
  readonly reason: 'left' | 'crashed'
  /** How the process that the test started ends. */
  readonly exit: { code: number | null; signal: string | null }
  /** Another process outlives the client, and holds the server's standard input. */
  readonly inputStaysOpen?: boolean
  readonly options?: Parameters<typeof Agent.start>[0]
}

const signal = (name: NodeJS.Signals): Loss => ({
  lose: (agent) => agent.child.kill(name),
  reason: 'left',
  exit: { code: 0, signal: null },
})

const losses: Record<string, Loss> = {
  'closes standard input': {
    lose: (agent) => agent.child.stdin?.end(),
    reason: 'left',
    exit: { code: 0, signal: null },
  },
  'dies, so that all its pipes break': {
    lose: (agent) => {
      agent.child.stdin?.destroy()
      agent.child.stdout?.destroy()
      agent.child.stderr?.destroy()
    },
    reason: 'left',
    exit: { code: 0, signal: null },
  },
  'is killed while another process keeps standard input open': {
    lose: (agent) => agent.child.kill('SIGKILL'),
    reason: 'left',
    exit: { code: null, signal: 'SIGKILL' },
    inputStaysOpen: true,
    options: { command: [process.execPath, PARENT] },
  },
  'is killed with its process group': {
    lose: (agent) => process.kill(-agent.pid, 'SIGKILL'),
    reason: 'crashed',
    exit: { code: null, signal: 'SIGKILL' },
    options: { command: [process.execPath, PARENT], detached: true },
  },
  'sends SIGTERM': signal('SIGTERM'),
  'sends SIGINT': signal('SIGINT'),
  'sends SIGHUP': signal('SIGHUP'),
}

test.each(Object.entries(losses))(
  'a client %s: its server is gone, its lock is free, and the others are told why',
  async (_how, loss) => {
    await using witness = await companion()
    await using agent = await Agent.start({ dir: witness.dir, ...loss.options })
    const { self } = await agent.call('peer.list', {})
    const said = (who: string) => Number(new RegExp(`^${who} (\\d+)$`, 'm').exec(agent.stderr)?.[1])
    const pid = said('server') || agent.pid
    const holder = said('holder')
    await agent.call('lock.acquire', { filePath: FILE })
    const { cursor } = await witness.call('event.read', { types: ['peer_left'] })
    expect(isRunning(pid)).toBe(true)
    onTestFinished(() => void (isRunning(holder) && process.kill(holder, 'SIGKILL')))

    loss.lose(agent)
    await eventually(() => !isRunning(pid), { within: WITHIN_MS })
    if (loss.inputStaysOpen) expect(isRunning(holder)).toBe(true)
    await eventually(async () => (await witness.call('lock.query', { filePath: FILE })).locks.length === 0, { within: WITHIN_MS })
    const { events } = await witness.call('event.read', { types: ['peer_left'], since: cursor })
    expect(events.map(({ payload }) => payload)).toMatchObject([{ id: self.id, reason: loss.reason }])
    expect(await agent.exited).toEqual(loss.exit)
    ends++
  },
)

test('a client that goes while its server waits, leads, or has answers that nobody reads takes it along', async () => {
  const dir = dataDir()
  await using leading = await Agent.start({ dir })
  await using witness = await companion({ dir })
  expect((await witness.call('mesh.status', {})).leader?.pid).toBe(leading.pid)
  await witness.call('state.set', { key: 'long', value: 'x'.repeat(200_000) })
  await leading.call('lock.acquire', { filePath: FILE })
  // Answers of megabytes that stay in the pipe: writing them cannot end.
  leading.child.stdout?.pause()
  for (let i = 0; i < 20; i++) void leading.call('state.get', { key: 'long' }).catch(() => {})
  void leading.call('message.inbox', { wait: 300 }).catch(() => {})
  void leading.call('lock.acquire', { filePath: `${FILE}-2`, wait: 300 }).catch(() => {})
  await eventually(async () => (await witness.call('lock.query', { filePath: `${FILE}-2` })).locks.length === 1)

  leading.child.stdin?.end()
  await eventually(() => !isRunning(leading.pid), { within: WITHIN_MS })
  await eventually(async () => (await witness.call('lock.query', {})).locks.length === 0, { within: WITHIN_MS })
  leading.child.stdout?.resume()
  expect(await leading.exited).toEqual({ code: 0, signal: null })
  await eventually(async () => (await witness.call('mesh.status', {})).leader?.pid === process.pid)
  ends++
})

test.each([
  ['before it has said anything', []],
  ['after half a line', ['{"jsonrpc":"2.0","id":1,"meth']],
  ['in the middle of the handshake', [request(1, 'initialize', initialize())]],
  ['while its server joins', [request(1, 'initialize', initialize()), notification('notifications/initialized')]],
  [
    'right after its first call',
    [
      request(1, 'initialize', initialize()),
      notification('notifications/initialized'),
      request(2, 'tools/call', { name: 'mesh_status' }),
    ],
  ],
])('a client that goes %s leaves no process and no living peer behind', async (_when, lines) => {
  await using witness = await companion()
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env.PATH, HOME: witness.dir, ...meshEnv(witness.dir) },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  child.stdin?.end(lines.join(''))
  expect(await exited).toEqual({ code: 0, signal: null })
  expect((await witness.call('peer.list', {})).peers.filter((peer) => peer.status !== 'away')).toEqual([])
  ends++
})

function initialize() {
  return { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'hasty', version: '1' } }
}
function request(id: number, method: string, params: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`
}
function notification(method: string): string {
  return `${JSON.stringify({ jsonrpc: '2.0', method })}\n`
}
