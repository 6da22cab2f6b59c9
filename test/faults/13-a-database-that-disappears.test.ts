import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Agent, startMesh } from '../support/agent.ts'
import { type Companion, companion, companions } from '../support/companion.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/leader-watch.ts'
import { Sqlite } from '../support/sqlite.ts'

const PEERS = 3

type Mesh = Awaited<ReturnType<typeof startMesh>>

/** A whole mesh of other sessions that are gone, as a file: what somebody might put in the place of a running one. */
async function otherMesh(): Promise<string> {
  await using mesh = await companions(2)
  const [a, b] = mesh.agents as [Companion, Companion]
  for (let i = 0; i < 50; i++) await a.call('state.set', { key: `of the other mesh ${i}`, value: 'x'.repeat(2_000) })
  await b.call('message.send', { to: await a.name(), message: 'waits in the other mesh' })
  return join(mesh.dir, 'mesh.db')
}

/** All see all others, in one file, under one leader that serves; a message and a lock of each reach the next. */
async function expectOneMesh({ agents, dir }: Mesh): Promise<void> {
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

const losses: Record<string, (dir: string) => void | Promise<void>> = {
  'database is deleted': (dir) => rmSync(join(dir, 'mesh.db')),
  'database is deleted with its WAL and index': (dir) => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `mesh.db${suffix}`))
  },
  'directory is deleted': (dir) => rmSync(dir, { recursive: true }),
  'database is replaced by that of another mesh': async (dir) => renameSync(await otherMesh(), join(dir, 'mesh.db')),
  'database is replaced by an empty file': (dir) => {
    writeFileSync(join(dir, 'empty'), '')
    renameSync(join(dir, 'empty'), join(dir, 'mesh.db'))
  },
}

let met = 0
afterAll(() =>
  report(13, {
    load: `${PEERS} peers`,
    injected: met,
    more: 'losses of files under running peers; all met again each time',
  }),
)

test.each(Object.entries(losses))('sessions whose %s meet again in one file, under their names', async (_what, lose) => {
  await using mesh = await startMesh(PEERS)
  const names = await Promise.all(mesh.agents.map((agent) => agent.name()))
  const path = join(mesh.dir, 'mesh.db')
  const inode = statSync(path).ino
  await mesh.agents[0]!.call('state.set', { key: 'before', value: 'x' })

  await lose(mesh.dir)
  await eventually(() => existsSync(path) && statSync(path).ino !== inode)
  await eventually(() => mesh.agents.every((agent) => agent.stderr.includes('the database was replaced or deleted')))
  await expectOneMesh(mesh)
  expect(await Promise.all(mesh.agents.map((agent) => agent.name()))).toEqual(names)
  expect(readFileSync(join(mesh.dir, 'mesh.log'), 'utf8')).toContain('the database was replaced or deleted')
  met++

  // A session that starts now finds the same mesh.
  await using late = await companion({ dir: mesh.dir })
  expect((await late.call('peer.list', {})).peers.filter((peer) => peer.status === 'active')).toHaveLength(PEERS)
})

test('sessions whose WAL and index are deleted go on in one file with everything that was acknowledged', async () => {
  await using mesh = await startMesh(PEERS)
  const [first, second] = mesh.agents as [Agent, Agent]
  const secondName = await second.name()
  await first.call('state.set', { key: 'before', value: 'kept' })
  await first.call('message.send', { to: secondName, message: 'kept' })
  for (const suffix of ['-wal', '-shm']) rmSync(join(mesh.dir, `mesh.db${suffix}`))
  await eventually(() => mesh.agents.every((agent) => agent.stderr.includes('the database was replaced or deleted')))
  expect((await second.call('message.inbox', {})).messages).toMatchObject([{ payload: 'kept' }])
  for (const agent of mesh.agents) expect((await agent.call('state.get', { key: 'before' })).entry.value).toBe('kept')
  await expectOneMesh(mesh)
  met++
})
