import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { socketDirs, socketSite } from '../../src/core/paths.ts'
import { isGone, ownProcess, sight } from '../../src/peer/process-identity.ts'
import { Agent, startMesh } from '../support/agent.ts'
import { companion, companions } from '../support/companion.ts'
import { dataDir, meshEnv, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { guards, inFile, leaderRow, sockets } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { suspend } from '../support/suspend.ts'

const program = (name: string) => fileURLToPath(new URL(`../programs/${name}.mjs`, import.meta.url))

async function clean(dir: string, ...options: string[]) {
  const { code, out, err } = await run(['clean', '--json', ...options], meshEnv(dir))
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return JSON.parse(out) as { ok: true; dryRun: boolean; done: { kind: string; what: string; outcome: string; pid?: number }[] }
}
const kinds = ({ done }: Awaited<ReturnType<typeof clean>>) => done.map(({ kind, outcome }) => `${kind} ${outcome}`)

/** A mesh that ran and ended cleanly. */
async function usedDir(): Promise<string> {
  await using agent = await companion()
  return agent.dir
}

/** A process that is none of ours, with our name on its command line, as an editor has it. */
function editor(): number {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 120_000)', 'slm-mesh.md', 'slm-mesh'], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child.pid ?? 0
}

/** A session's row as a process wrote it; live or not. */
function addRow(dir: string, row: { pid: number; start: string; live: number; namespace?: string; bootId?: string }): void {
  const own = ownProcess()
  inFile(dir, (file) =>
    file
      .prepare(
        `INSERT INTO peers (id, name, kind, agent_type, project_path, live, pid, process_start, boot_id, pid_namespace, socket_path,
           parent_pid, parent_start, started_at, heartbeat_at, heartbeat_uptime)
         VALUES (?, ?, 'session', 'test', '/', ?, ?, ?, ?, ?, ?, 4194399, '1', 1, 1, 1)`,
      )
      .run(
        `p_${row.pid}${row.live}`,
        `row-${row.pid}-${row.live}`,
        row.live,
        row.pid,
        row.start,
        row.bootId ?? own.bootId,
        row.namespace ?? own.pidNamespace,
        row.live ? `/nowhere/${row.pid}.sock` : null,
      ),
  )
}

test('a thousand stale sockets go, and five living peers keep theirs and go on talking', async () => {
  await using mesh = await startMesh(2)
  const { dir, agents } = mesh
  await using _beside = await companions(3, { dir })
  spawnSync(process.execPath, [program('leave-sockets'), join(dir, 'peers'), '1000'])
  expect(sockets(dir)).toHaveLength(1_005)
  expect(kinds(await clean(dir, '--dry-run'))).toEqual(Array(1_000).fill('socket planned'))
  expect(sockets(dir)).toHaveLength(1_005)

  expect(kinds(await clean(dir))).toEqual(Array(1_000).fill('socket done'))
  expect(sockets(dir)).toHaveLength(5)
  expect((await clean(dir)).done).toEqual([])
  const [a, b] = agents
  await a!.call('message.send', { to: await b!.name(), message: 'still here' })
  expect((await b!.call('message.inbox', { wait: 5 })).messages).toMatchObject([{ payload: 'still here' }])
  expect((await a!.call('peer.list', {})).peers).toHaveLength(4)
})

test('only sockets of nobody go: a listener without a row, a file, and a link stay', async () => {
  const dir = await usedDir()
  const at = (name: string) => join(dir, 'peers', name)
  const server = createServer().listen(at('aaaaaaaa.sock'))
  onTestFinished(() => void server.close())
  writeFileSync(at('bbbbbbbb.sock'), 'a file')
  spawnSync(process.execPath, [program('leave-sockets'), join(dir, 'peers'), '1'])
  symlinkSync(at('00000000.sock'), at('cccccccc.sock'))
  expect(kinds(await clean(dir))).toEqual(['socket done'])
  expect(sockets(dir).sort()).toEqual(['aaaaaaaa.sock', 'bbbbbbbb.sock', 'cccccccc.sock'])
})

test('stale sockets outside the data directory go, with the directory that was made for them', async () => {
  const dir = await usedDir()
  const fallback = socketDirs(dir, socketSite())[1]!
  mkdirSync(fallback, { mode: 0o700 })
  spawnSync(process.execPath, [program('leave-sockets'), fallback, '3'])
  expect(kinds(await clean(dir))).toEqual(Array(3).fill('socket done'))
  expect(existsSync(fallback)).toBe(false)
})

test('what killed peers left goes: rows with their locks, sockets, the claim to lead and its guard', async () => {
  await using mesh = await startMesh(2)
  const { dir, agents } = mesh
  await agents[0]!.call('lock.acquire', { filePath: join(dir, 'a-file') })
  for (const agent of agents) agent.child.kill('SIGKILL')
  await Promise.all(agents.map((agent) => agent.exited))
  const deeds = (outcome: string) =>
    ['peer', 'peer', 'leadership', 'guard', 'socket', 'socket'].map((kind) => `${kind} ${outcome}`)
  expect(kinds(await clean(dir, '--dry-run'))).toEqual(deeds('planned'))
  expect(leaderRow(dir).peer_id).not.toBeNull()
  expect(kinds(await clean(dir))).toEqual(deeds('done'))
  expect({ guards: guards(dir), sockets: sockets(dir), leader: leaderRow(dir).peer_id }).toEqual({
    ...{ guards: [], sockets: [], leader: null },
  })
  expect(inFile(dir, (file) => file.prepare('SELECT count(*) AS n FROM locks').get())).toEqual({ n: 0 })
  expect((await clean(dir)).done).toEqual([])
  await using next = await Agent.start({ dir })
  expect((await next.call('mesh.status', {})).leader).toMatchObject({ pid: next.pid })
})

test('a claim to lead is left to the living, and so is the guard of the term', async () => {
  await using agent = await Agent.start()
  const { dir } = agent
  const { term } = leaderRow(dir)
  mkdirSync(join(dir, `leader.${term - 7}.lock`))
  mkdirSync(join(dir, `leader.${term + 1}.lock`))
  expect(kinds(await clean(dir))).toEqual(['guard done'])
  expect(guards(dir).sort()).toEqual([`leader.${term}.lock`, `leader.${term + 1}.lock`])
  expect(leaderRow(dir)).toMatchObject({ term, pid: agent.pid })
})

test('half-written files of the dead go; those of a living leader and what looks otherwise stay', async () => {
  await using agent = await Agent.start()
  const { dir } = agent
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  const keep = [
    `leader.token.${agent.pid}.0a1b2c3d.tmp`,
    `leader.token.${process.pid}.0a1b2c3d.tmp`,
    `notes.${dead}.0a1b2c3d.tmp`,
  ]
  for (const name of [...keep, `leader.token.${dead}.0a1b2c3d.tmp`, `port.${dead}.0a1b2c3d.tmp`])
    writeFileSync(join(dir, name), '')
  expect(kinds(await clean(dir))).toEqual(['temporary done', 'temporary done'])
  expect(
    readdirSync(dir)
      .filter((name) => name.endsWith('.tmp'))
      .sort(),
  ).toEqual(keep.sort())
})

test('a foreign process is never touched: with our name on its command line, with a reused pid, or of another namespace', async () => {
  const dir = await usedDir()
  const [byName, reused, reusedAway, elsewhere, lastBoot] = [editor(), editor(), editor(), editor(), editor()]
  const startOf = (pid: number) => sight(pid)!.startedAt
  addRow(dir, { pid: reused, start: '1', live: 1 })
  addRow(dir, { pid: reusedAway, start: '1', live: 0 })
  addRow(dir, { pid: elsewhere, start: startOf(elsewhere), live: 1, namespace: 'pid:[1]' })
  addRow(dir, { pid: lastBoot, start: startOf(lastBoot), live: 0, bootId: 'another boot' })
  const { done } = await clean(dir)
  expect(done.map(({ kind, pid }) => ({ kind, pid }))).toEqual([{ kind: 'peer', pid: reused }])
  for (const pid of [byName, reused, reusedAway, elsewhere, lastBoot]) expect(sight(pid)).toMatchObject({ ended: false })
})

/** An agent whose server outlives it: another process keeps the server's standard input open. */
async function outlived() {
  const agent = await Agent.start({ command: [process.execPath, program('leave-stdin-open')] })
  const pidOf = (who: string) => eventually(() => Number(new RegExp(`${who} (\\d+)`).exec(agent.stderr)?.[1] ?? 0) || undefined)
  const [server, holder] = [await pidOf('server'), await pidOf('holder')]
  onTestFinished(() => {
    for (const pid of [server, holder]) if (sight(pid)?.ended === false) process.kill(pid, 'SIGKILL')
  })
  const identity = { ...ownProcess(), pid: server, startedAt: sight(server)!.startedAt }
  return { dir: agent.dir, agent, server, isGone: () => isGone(identity) }
}

test('an MCP server that is stopped while its agent dies is ended, and its row and socket go with it', async () => {
  const { dir, agent, server, isGone } = await outlived()
  await suspend({ dir, child: { kill: (signal) => process.kill(server, signal) } })
  expect((await clean(dir)).done).toEqual([]) // its agent lives: it is no zombie
  agent.child.kill('SIGKILL')
  await eventually(() => sight(agent.pid) === undefined)

  expect(kinds(await clean(dir, '--dry-run'))).toContain('zombie planned')
  expect(isGone()).toBe(false)
  const { done } = await clean(dir)
  expect(done[0]).toMatchObject({ kind: 'zombie', outcome: 'done', pid: server })
  expect(isGone()).toBe(true)
  expect(sockets(dir)).toEqual([])
  expect((await clean(dir)).done).toEqual([])
})

test('a zombie whose row was already given up is ended as well', async () => {
  const { dir, agent, server, isGone } = await outlived()
  await suspend({ dir, child: { kill: (signal) => process.kill(server, signal) } })
  inFile(dir, (file) => file.prepare('UPDATE peers SET live = 0, socket_path = NULL').run())
  agent.child.kill('SIGKILL')
  await eventually(() => sight(agent.pid) === undefined)
  expect((await clean(dir)).done[0]).toMatchObject({ kind: 'zombie', outcome: 'done', pid: server })
  expect(isGone()).toBe(true)
})

test('a server whose agent has just died is given the time to end by itself', async () => {
  const { dir, agent, isGone } = await outlived()
  agent.child.kill('SIGKILL')
  await eventually(() => sight(agent.pid) === undefined)
  const { done } = await clean(dir)
  for (const deed of done) if (deed.kind === 'zombie') expect(deed).toMatchObject({ note: 'it ended by itself' })
  expect(isGone()).toBe(true)
})

test('for people each deed is a line, and then comes the sum; without a mesh there is nothing to do', async () => {
  const nothing = await run(['clean'], meshEnv(dataDir()))
  expect(nothing).toMatchObject({ code: 0, err: '' })
  expect(nothing.out).toMatch(/nothing to clean up/)
  const dir = await usedDir()
  expect(await run(['clean'], meshEnv(dir))).toEqual({ code: 0, out: 'Nothing to clean up.\n', err: '' })
  spawnSync(process.execPath, [program('leave-sockets'), join(dir, 'peers'), '2'])
  expect((await run(['clean', '--dry-run'], meshEnv(dir))).out).toBe(
    'would remove stale socket 00000000.sock\nwould remove stale socket 00000001.sock\n2 things would be cleaned up.\n',
  )
  expect((await run(['clean'], meshEnv(dir))).out).toBe(
    'removed stale socket 00000000.sock\nremoved stale socket 00000001.sock\n2 things cleaned up.\n',
  )
})

test('a directory that others could have prepared, and a damaged file, are left alone', async () => {
  const link = join(testDir(), 'link')
  symlinkSync(await usedDir(), link)
  expect(await run(['clean'], meshEnv(link))).toMatchObject({ code: 1, out: '', err: expect.stringContaining('symbolic link') })

  const dir = dataDir()
  mkdirSync(join(dir, 'peers'), { recursive: true, mode: 0o700 })
  writeFileSync(join(dir, 'mesh.db'), 'this is no database, and never was one; it is only some text'.repeat(40))
  spawnSync(process.execPath, [program('leave-sockets'), join(dir, 'peers'), '1'])
  expect(await run(['clean'], meshEnv(dir))).toMatchObject({ code: 1, out: '', err: expect.stringContaining('damaged') })
  expect(sockets(dir)).toHaveLength(1)
})
