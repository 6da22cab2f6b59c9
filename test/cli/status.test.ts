import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { companion, companions } from '../support/companion.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { leaderRow } from '../support/mesh-file.ts'
import { run } from '../support/run.ts'
import { suspend } from '../support/suspend.ts'

async function status(dir: string, env: Record<string, string> = {}) {
  const { code, out } = await run(['status', '--json'], { ...meshEnv(dir), ...env })
  return { code, ...JSON.parse(out) }
}

test('without a mesh there is nothing to show: exit 3, and none is made', async () => {
  const dir = dataDir()
  expect(await run(['status'], meshEnv(dir))).toEqual({ code: 3, out: '', err: `slm-mesh: no mesh yet in "${dir}"\n` })
  expect(await status(dir)).toMatchObject({ ok: false, code: 'not_found', error: expect.any(String) })
})

test('who leads, who is there, and how much there is', async () => {
  await using mesh = await companions(2)
  const { dir, agents } = mesh
  await agents[0]!.call('lock.acquire', { filePath: join(dir, 'a-file') })
  await agents[0]!.call('message.send', { to: await agents[1]!.name(), message: 'hello' })
  await eventually(() => leaderRow(dir).port !== null)
  const { pid, term, peer_name: name, port } = leaderRow(dir)
  const shown = await status(dir)
  expect(shown).toMatchObject({ ok: true, dataDir: dir, term, locks: 1, messages: { total: 1, unread: 1 }, unread: 0 })
  expect(shown.leader ?? shown.last).toMatchObject({ name, pid, port, agentType: 'test-agent', url: `http://127.0.0.1:${port}` })
  expect(shown.peers).toMatchObject({ active: 2, stale: 0 })
  expect(shown.peers.list.map((peer: { name: string }) => peer.name).sort()).toEqual(
    (await Promise.all(agents.map((agent) => agent.name()))).sort(),
  )

  const text = (await run(['status'], meshEnv(dir))).out
  for (const words of [name!, `pid ${pid}`, `term ${term}`, `http://127.0.0.1:${port}`, '2 active', 'when it looks', 'no mail'])
    expect(text).toContain(words)
  expect((await run(['status', '--absolute'], meshEnv(dir))).out).toMatch(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/)
})

test('where nobody leads any more it says who did and until when, shows what is stored, and exits with 3', async () => {
  const agent = await companion()
  const { dir } = agent
  const name = await agent.name()
  await agent.call('message.send', { to: 'cli', message: 'for the person' })
  await agent[Symbol.asyncDispose]()
  const shown = await status(dir)
  expect(shown).toMatchObject({ code: 3, ok: true, via: 'file', leader: null, unread: 1 })
  expect(shown.last).toMatchObject({ state: 'none', name, until: expect.any(String) })
  expect(Date.parse(shown.last.until)).toBeGreaterThanOrEqual(Date.parse(shown.last.since))
  const { code, out } = await run(['status'], meshEnv(dir))
  expect(code).toBe(3)
  expect(out).toMatch(new RegExp(`nobody leads; ${name} led last, until \\d+ s ago`))
  expect(out).toContain('1 unread: slm-mesh inbox cli')
})

test('of a leader that was killed and of one that is stopped the truth is said', async () => {
  const killed = await Agent.start()
  const name = await killed.name()
  await killed.kill()
  expect(await status(killed.dir)).toMatchObject({ code: 3, leader: null, last: { state: 'gone', name, pid: killed.pid } })
  expect((await run(['status'], meshEnv(killed.dir))).out).toContain('is gone; last seen')

  await using stopped = await Agent.start()
  await suspend(stopped)
  expect(await status(stopped.dir)).toMatchObject({ code: 3, leader: null, last: { state: 'silent', pid: stopped.pid } })
  expect((await run(['status'], meshEnv(stopped.dir))).out).toContain('does not answer')
})

test('what is wrong is shown with its fix', async () => {
  await using agent = await companion()
  const { dir } = agent
  chmodSync(join(dir, 'mesh.log'), 0o644)
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await eventually(() => server.listening)
  const { port } = server.address() as { port: number } // it listens on TCP
  const { problems } = await status(dir, { SLM_MESH_PORT: String(port) })
  expect(problems.filter(({ check }: { check: string }) => check !== 'leader')).toMatchObject([
    { check: 'files', status: 'warn', fix: `chmod 600 '${join(dir, 'mesh.log')}'` },
    { check: 'port', status: 'warn', found: expect.stringContaining(`another program holds ${port}`) },
  ])
  expect((await run(['status'], meshEnv(dir))).out).toContain(`→ chmod 600 '${join(dir, 'mesh.log')}'`)
})

test('a damaged file is moved aside, and said to lie there', async () => {
  const dir = dataDir()
  await using agent = await companion({ dir })
  await agent[Symbol.asyncDispose]()
  writeFileSync(join(dir, 'mesh.db'), 'this is no database, and never was one; it is only some text'.repeat(200))
  const { code, out, err } = await run(['status'], meshEnv(dir))
  expect({ code, err }).toEqual({ code: 3, err: '' })
  expect(out).toMatch(/damaged +mesh\.db\.corrupt-\S+ \(.*moved aside/)
})
