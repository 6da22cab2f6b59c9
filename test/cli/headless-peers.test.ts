import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { KNOWN_SCHEMA } from '../../src/core/sqlite/migrate.ts'
import { sight } from '../../src/peer/process-identity.ts'
import { Agent } from '../support/agent.ts'
import { companion } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { servingLeader } from '../support/health.ts'
import { inFile, leaderRow, sockets } from '../support/mesh-file.ts'
import { Program } from '../support/program.ts'
import { run } from '../support/run.ts'

/** `start` and `stop`, on real processes. */

const start = (dir: string, more: readonly string[] = []) => new Program(['start', '--json', ...more], meshEnv(dir))
const led = (program: Program) =>
  program.documents.flatMap(({ leader }) => (leader ? [leader] : [])) as { name: string; term: number; url: string }[]
const named = (program: Program) => program.documents[0]?.peer as unknown as { name: string; pid: number } // the first document says who it is

/** Starts one on its own, for `use`; whatever happens, it is stopped. */
async function withDetached(dir: string, use: (answer: Record<string, unknown>) => Promise<void>): Promise<void> {
  const env = meshEnv(dir)
  const { code, out, err } = await run(['start', '--detach', '--json'], env)
  try {
    expect({ code, err }).toEqual({ code: 0, err: '' })
    await use(JSON.parse(out))
  } finally {
    await run(['stop'], env)
  }
}

const kindOf = (dir: string, pid: number) =>
  inFile(dir, (file) => file.prepare('SELECT kind, agent_type, live FROM peers WHERE pid = ?').get(pid))

test('start is a headless peer that leads and serves, and says who it is and where', async () => {
  const dir = dataDir()
  await using program = start(dir)
  const [leader] = await eventually(() => led(program).length > 0 && led(program))
  expect(program.documents[0]).toMatchObject({
    ok: true,
    started: true,
    token: join(dir, 'leader.token'),
    log: join(dir, 'mesh.log'),
  })
  expect(kindOf(dir, program.pid)).toEqual({ kind: 'headless', agent_type: 'headless', live: 1 })
  expect(leader?.name).toBe(named(program).name)
  const token = readFileSync(join(dir, 'leader.token'), 'utf8').trim()
  const answer = await fetch(`${leader?.url}/status`, { headers: { authorization: `Bearer ${token}` } })
  expect(await answer.json()).toMatchObject({ ok: true, leader: { pid: program.pid } })
})

test.each([
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const)('%s ends it with exit code %i, and no socket is left', async (signal, code) => {
  const dir = dataDir()
  await using program = start(dir)
  await eventually(() => led(program).length > 0)
  program.kill(signal)
  program.kill(signal) // as timeout(1) and some shells do
  expect(await program.exited).toEqual({ code, signal: null })
  expect({ sockets: sockets(dir), err: program.err }).toEqual({ sockets: [], err: '' })
  expect(leaderRow(dir).peer_id).toBeNull()
})

test('one that is ended while it takes up the leadership says nothing of it', async () => {
  const dir = dataDir()
  await using program = start(dir)
  await eventually(() => program.documents.length > 0, { every: 1 })
  program.kill('SIGTERM')
  expect(await program.exited).toEqual({ code: 0, signal: null })
  expect(program.err).toBe('')
})

test('it tells again when another leads', async () => {
  const dir = dataDir()
  await using agent = await Agent.start({ dir })
  await using program = start(dir)
  const session = await agent.name()
  await eventually(() => led(program).length === 1)
  expect(led(program)[0]?.name).toBe(session)
  await agent.kill()
  await eventually(() => led(program).length === 2)
  expect(led(program)[1]?.name).toBe(named(program).name)
})

test('for people it says the same in plain lines', async () => {
  const dir = dataDir()
  await using program = new Program(['start'], meshEnv(dir))
  await eventually(() => program.out.includes('leads in term'))
  expect(program.out).toMatch(/^[a-z]+-[a-z]+ is up: a headless peer \(pid \d+\)/)
  expect(program.out).toContain(`token  ${join(dir, 'leader.token')}`)
  expect(program.out).toMatch(/ {2}[a-z]+-[a-z]+ \(pid \d+\) leads in term \d+: REST on http:\/\/127\.0\.0\.1:\d+\n$/)
})

test('where one runs already, start and start --detach say which, and leave it alone', async () => {
  const dir = dataDir()
  await using program = start(dir)
  await eventually(() => led(program).length > 0)
  const { name, pid } = named(program)
  for (const args of [['start'], ['start', '--detach']]) {
    const { code, out, err } = await run(args, meshEnv(dir))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain(`${name} runs already: a headless peer (pid ${pid})`)
  }
  expect(inFile(dir, (file) => file.prepare('SELECT count(*) AS n FROM peers WHERE live = 1').get())).toEqual({ n: 1 })
})

test('of several that are started at once, one stays', async () => {
  const dir = dataDir()
  const programs = Array.from({ length: 4 }, () => start(dir))
  try {
    const staying = await eventually(async () => {
      const ended = await Promise.all(programs.map((program) => Promise.race([program.exited, null])))
      return ended.filter((end) => end !== null).length === 3 && programs.filter((_, i) => ended[i] === null)
    })
    expect(staying).toHaveLength(1)
    await eventually(() => servingLeader(dir))
    expect(leaderRow(dir).pid).toBe(staying[0]?.pid)
  } finally {
    for (const program of programs) await program[Symbol.asyncDispose]()
  }
})

test('start --detach returns once a leader serves, and leaves a process of its own that stop ends', async () => {
  const dir = dataDir()
  let pid = 0
  await withDetached(dir, async (answer) => {
    expect(answer).toMatchObject({ ok: true, started: true, log: join(dir, 'mesh.log') })
    pid = (answer.peer as { pid: number }).pid
    const leader = await servingLeader(dir)
    expect(leader).toMatchObject({ pid })
    if (process.platform === 'linux') {
      const [, , , session] = (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1] ?? '').split(' ')
      expect(session).toBe(String(pid)) // it leads a session of its own
    }
    const { code, out } = await run(['stop', '--json'], meshEnv(dir))
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ ok: true, ended: [{ pid }], handedOn: null, leader: null })
  })
  // Ended; it is init's to reap it.
  expect(sight(pid)?.ended ?? true).toBe(true)
  expect(sockets(dir)).toEqual([])
})

test('what a detached one fails with at its start is shown, and makes exit code 1', async () => {
  const dir = dataDir()
  await using agent = await companion({ dir })
  await agent[Symbol.asyncDispose]()
  inFile(dir, (file) =>
    file.exec(
      `UPDATE meta SET value = '${KNOWN_SCHEMA + 1}' WHERE key = 'min_writer'; PRAGMA user_version = ${KNOWN_SCHEMA + 1}`,
    ),
  )
  const { code, out, err } = await run(['start', '--detach'], meshEnv(dir))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/^slm-mesh: .*made by a newer slm-mesh.*\n$/)
})

test('a place that cannot be used is refused in one line', async () => {
  const { code, out, err } = await run(['start', '--detach'], meshEnv('/dev/null/mesh'))
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toMatch(/^slm-mesh: \/dev\/null\/mesh .*\n$/)
})

test('where there is nothing to stop, stop says so with exit code 0 and makes nothing', async () => {
  const dir = join(testDir(), 'none')
  const { code, out, err } = await run(['stop'], meshEnv(dir))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^Nothing to stop: there is no mesh/)
  expect(existsSync(dir)).toBe(false)
})

test('a session that leads is asked to hand on, goes on, and a headless peer started then leads', async () => {
  const dir = dataDir()
  await using agent = await Agent.start({ dir })
  const before = await eventually(() => servingLeader(dir))
  expect(before.pid).toBe(agent.pid)
  const name = await agent.name()

  const stopped = await run(['stop'], meshEnv(dir))
  expect({ code: stopped.code, err: stopped.err }).toEqual({ code: 0, err: '' })
  expect(stopped.out).toContain(`${name} (pid ${agent.pid}) has handed the leadership on; its session goes on.\n`)
  expect(stopped.out).toContain(`Nobody leads now. Where nobody else starts, ${name} leads again after 5 s.`)
  await agent.call('state.set', { key: 'k', value: 'v' })

  await withDetached(dir, async (answer) => {
    const { pid } = answer.peer as { pid: number }
    expect(await servingLeader(dir)).toMatchObject({ pid, term: before.term + 1 })
    expect(await agent.call('mesh.status', {})).toMatchObject({ leader: { pid } })
  })
})

test('of two sessions, the one that does not lead takes over when stop asks', async () => {
  const dir = dataDir()
  await using first = await Agent.start({ dir })
  await eventually(() => servingLeader(dir))
  await using second = await companion({ dir })
  const { code, out } = await run(['stop', '--json'], meshEnv(dir))
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ ended: [], handedOn: { pid: first.pid }, leader: { pid: second.pid } })
  expect(await servingLeader(dir)).toMatchObject({ pid: second.pid })
  for (const agent of [first, second]) await agent.call('mesh.status', {})
})

test('a headless leader is ended, and the session that follows it is not asked to step aside', async () => {
  const dir = dataDir()
  await using program = start(dir)
  await eventually(() => led(program).length > 0)
  await using agent = await companion({ dir })
  const { code, out } = await run(['stop', '--json'], meshEnv(dir))
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ ended: [{ pid: program.pid }], handedOn: null, leader: { pid: agent.pid } })
  expect(await program.exited).toEqual({ code: 0, signal: null })
})

test('one that does not end is named with its pid, left as it is, and makes exit code 1', async () => {
  const dir = dataDir()
  await using agent = await companion({ dir })
  await using program = start(dir)
  await eventually(() => program.documents.length > 0)
  program.kill('SIGSTOP')
  const { code, out, err } = await run(['stop', '--json'], meshEnv(dir))
  const { name, pid } = named(program)
  expect({ code, err }).toEqual({
    code: 1,
    err: `slm-mesh: ${name} (pid ${pid}) has not ended within 5 s, and is left as it is\n`,
  })
  expect(JSON.parse(out)).toMatchObject({ ok: false, ended: [], remaining: [{ pid }] })
  await agent.call('mesh.status', {})
})

test('a process that only has the pid of a headless peer is not touched', async () => {
  const dir = dataDir()
  await using program = start(dir)
  await eventually(() => led(program).length > 0)
  program.kill('SIGKILL')
  await program.exited
  // Somebody else has got its pid since.
  await using stranger = await Agent.start()
  inFile(dir, (file) => file.prepare('UPDATE peers SET pid = ? WHERE kind = ?').run(stranger.pid, 'headless'))
  const { code, out } = await run(['stop'], meshEnv(dir))
  expect({ code, out }).toEqual({ code: 0, out: 'Nothing to stop: no headless peer runs, and nobody leads.\n' })
  await stranger.call('mesh.status', {})
})

test('its log stands in mesh.log, and nothing of it on anybody’s terminal', async () => {
  const dir = dataDir()
  await withDetached(dir, async (answer) => {
    const log = readFileSync(join(dir, 'mesh.log'), 'utf8')
    expect(log).toContain(`"pid":${(answer.peer as { pid: number }).pid}`)
    expect(log).toContain('"event":"elected"')
    expect(statSync(join(dir, 'mesh.log')).mode & 0o777).toBe(0o600)
  })
})
