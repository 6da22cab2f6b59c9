import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type Agent, startMesh } from '../support/agent.ts'
import { type Companion, companion, companions } from '../support/companion.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { expectOneMesh } from '../support/one-mesh.ts'

const PEERS = 3

/** A whole mesh of other sessions that are gone, as a file: what somebody might put in the place of a running one. */
async function otherMesh(): Promise<string> {
  await using mesh = await companions(2)
  const [a, b] = mesh.agents as [Companion, Companion]
  for (let i = 0; i < 50; i++) await a.call('state.set', { key: `of the other mesh ${i}`, value: 'x'.repeat(2_000) })
  await b.call('message.send', { to: await a.name(), message: 'waits in the other mesh' })
  return join(mesh.dir, 'mesh.db')
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
  report(13, { load: `files deleted or replaced under ${PEERS} running peers`, injected: met, more: 'all met again each time' }),
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
