import { expect, test } from 'vitest'
import { startMesh } from '../../support/agent.ts'
import { eventually } from '../../support/eventually.ts'
import { servingLeader } from '../../support/health.ts'
import { documentOf, shellIn } from '../../support/shell.ts'

test('a key that one leader has accepted is accepted by the next, and acts as before', async () => {
  await using mesh = await startMesh(2)
  const first = await eventually(() => servingLeader(mesh.dir))
  const { url } = documentOf(await shellIn(mesh.dir)(['ui', '--print', '--json']))
  const key = new URL(url).hash.slice('#key='.length)
  const overview = (port: number) =>
    fetch(`http://127.0.0.1:${port}/dashboard/overview`, { headers: { authorization: `Bearer ${key}` } })
  expect((await overview(first.port)).status).toBe(200)
  await mesh.agents.find(({ pid }) => pid === first.pid)?.kill()
  const second = await eventually(async () => {
    const serving = await servingLeader(mesh.dir)
    return serving && serving.term > first.term && serving
  })
  const answer = await overview(second.port)
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ leader: { term: second.term, pid: second.pid }, elections: expect.any(Number) })
})
