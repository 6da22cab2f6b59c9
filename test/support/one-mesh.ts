import { join } from 'node:path'
import { expect } from 'vitest'
import type { startMesh } from './agent.ts'
import { eventually } from './eventually.ts'
import { servingLeader } from './leader-watch.ts'
import { Sqlite } from './sqlite.ts'

type Mesh = Pick<Awaited<ReturnType<typeof startMesh>>, 'agents' | 'dir'>

/** All see all others, in one file, under one leader that serves; a message and a lock of each reach the next. */
export async function expectOneMesh({ agents, dir }: Mesh): Promise<void> {
  const names = await Promise.all(agents.map((agent) => agent.name()))
  expect(new Set(names).size).toBe(agents.length)
  await eventually(async () => {
    for (const agent of agents) {
      const { peers } = await agent.call('peer.list', {})
      const active = peers.filter((peer) => peer.status === 'active')
      if (active.length !== agents.length - 1) throw new Error(`${active.length} seen by ${agent.pid}`)
    }
    return true
  })
  // What waited for those who were here before has been taken up, where it was not lost.
  for (const agent of agents) while ((await agent.call('message.inbox', {})).messages.length > 0);
  for (const [i, agent] of agents.entries()) {
    const next = agents[(i + 1) % agents.length]!
    const waiting = next.call('message.inbox', { wait: 10 })
    await agent.call('message.send', { to: await next.name(), message: `met again ${i}` })
    expect((await waiting).messages).toMatchObject([{ payload: `met again ${i}` }])
    await agent.call('lock.acquire', { filePath: '/tmp/one-file' })
    await expect(next.call('lock.acquire', { filePath: '/tmp/one-file' })).rejects.toMatchObject({ code: 'locked' })
    await agent.call('lock.release', { filePath: '/tmp/one-file' })
  }
  const leaders = await Promise.all(agents.map((agent) => servingLeader(agent)))
  expect(new Set(leaders.map((leader) => `${leader.term} ${leader.pid}`)).size).toBe(1)
  const db = new Sqlite(join(dir, 'mesh.db'), { readonly: true, timeout: 5_000 })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(db.prepare('SELECT count(*) FROM peers WHERE live = 1').pluck().get()).toBe(agents.length)
  db.close()
}
