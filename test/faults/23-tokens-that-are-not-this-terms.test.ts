import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createBearerCheck } from '../../src/peer/leader/access.ts'
import { startMesh } from '../support/agent.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/leader-watch.ts'

const tokenIn = (dir: string) => readFileSync(join(dir, 'leader.token'), 'utf8').trim()
const status = async (port: number, authorization: string) =>
  (await fetch(`http://127.0.0.1:${port}/status`, { headers: authorization ? { authorization } : {} })).status

test('no token, a wrong one, a part of it, another scheme, and the one of the last term are all refused with 401', async () => {
  await using mesh = await startMesh(2)
  const [first, second] = mesh.agents
  if (!first || !second) throw new Error('two agents were asked for')
  const before = await servingLeader(second)
  const old = tokenIn(mesh.dir)
  expect(Buffer.from(old, 'base64url')).toHaveLength(32)
  expect(statSync(join(mesh.dir, 'leader.token')).mode & 0o777).toBe(0o600)
  expect(await status(before.port, `Bearer ${old}`)).toBe(200)

  const leader = before.pid === first.pid ? first : second
  const other = leader === first ? second : first
  await leader.kill()
  const after = await servingLeader(other, { after: before.term })
  const current = await eventually(() => tokenIn(mesh.dir) !== old && tokenIn(mesh.dir))
  let asked = 0
  for (const authorization of [
    ...['', 'Bearer', 'Bearer ', `Bearer ${old}`, `Bearer ${current}x`, `Bearer ${current.slice(0, -1)}`, `Basic ${current}`],
    ...[
      current,
      `Bearer ${current.toUpperCase()}`,
      `Bearer ${current} ${current}`,
      `Bearer x, Bearer ${current}`,
      `Bearer ${'x'.repeat(4_000)}`,
    ],
  ]) {
    expect([authorization, await status(after.port, authorization)]).toEqual([authorization, 401])
    asked++
  }
  expect(await status(after.port, `Bearer ${current}`)).toBe(200)
  expect(await status(after.port, `bearer ${current}`)).toBe(200)
  report(23, { load: 'a leader', injected: asked, more: "wrong tokens, the last term's among them, 0 accepted" })
})

test('two Authorization headers are refused, even where one is right', async () => {
  const check = createBearerCheck('right', {
    browserKeys: { accepts: async () => true, digestOf: () => '', isUsed: () => true, mint: async () => '' },
  })
  // The check looks at nothing else of a request.
  const bearing = (...authorization: string[]) => ({ headersDistinct: { authorization } }) as never
  expect(await check(bearing('Bearer right'))).toBe('leader')
  for (const headers of [['Bearer right', 'Bearer right'], ['Bearer wrong', 'Bearer right'], []])
    await expect(check(bearing(...headers))).rejects.toThrow(/bearer token/)
})

test('the token is nowhere but in its file: not in the log, the database, an answer, or what processes show of themselves', async () => {
  await using mesh = await startMesh(1)
  const [agent] = mesh.agents
  if (!agent) throw new Error('an agent was asked for')
  const { port } = await servingLeader(agent)
  const token = tokenIn(mesh.dir)
  const answers = await Promise.all(
    ['/health', '/status', '/metrics', '/openapi.json', '/nothing'].map(async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${token}` } })
      return JSON.stringify([...response.headers]) + (await response.text())
    }),
  )
  for (const answer of answers) expect(answer).not.toContain(token)
  expect(readFileSync(join(mesh.dir, 'mesh.log'), 'utf8')).not.toContain(token)
  expect(agent.stderr).not.toContain(token)
  if (process.platform === 'linux') expect(readFileSync(`/proc/${agent.pid}/cmdline`, 'utf8')).not.toContain(token)
  expect(await agent.text('mesh_status')).not.toContain(token)
})
