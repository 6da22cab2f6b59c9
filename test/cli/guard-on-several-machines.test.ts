import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Holding, heldByOthers, standingLocks } from '../../src/cli/guard/held.ts'
import { rowsIn } from '../../src/cli/rows.ts'
import { hostIn } from '../../src/core/host.ts'
import { createSharedPaths } from '../../src/core/nats/path-scheme.ts'
import { Connection } from '../../src/core/sqlite/connection.ts'
import { twoMachines } from '../support/two-machines.ts'

/** As the engine makes it in a copy. */
function nameHosts(database: string): void {
  const connection = new Connection(database)
  connection.run('CREATE TABLE hosts (id TEXT PRIMARY KEY, name TEXT NOT NULL)')
  connection.run(`INSERT INTO hosts VALUES ('aaaa', 'laptop'), ('bbbb', 'buildbox')`)
  connection.close()
}

/** What of a commit on the laptop is refused to its peer with that id. */
function refusedTo(
  own: string,
  { dir, laptop }: Awaited<ReturnType<typeof twoMachines>>,
  top: string,
  staged: readonly string[],
): readonly Holding[] {
  const database = join(dir, 'mesh.db')
  const hostId = hostIn(dir)
  const { peers, others } = rowsIn(database)
  const now = laptop.clock.now()
  const uptime = laptop.clock.uptime()
  const locks = standingLocks(database, peers, hostId, { now: () => now, uptime: () => uptime, bootId: 'boot' })
  const types = new Map([...peers, ...others].map((row) => [row.id, row.agent_type]))
  return heldByOthers(top, staged, locks, own, types, createSharedPaths({ hostId }))
}

test('a commit is refused what an agent on another machine holds of the repository, and what a shell there holds', async () => {
  await using hosts = await twoMachines()
  const { dir, laptop, buildbox } = hosts
  nameHosts(join(dir, 'mesh.db'))
  const [here, there] = [laptop.clone('one'), buildbox.clone('two')]
  const bob = await buildbox.join(there)
  await buildbox.caller(bob)('lock.acquire', { filePath: ['src', 'README.md'] })
  const shell = { id: 'cli', name: 'cli', agentType: 'human', projectPath: there, gitRoot: there, repo: bob.repo }
  await buildbox.caller(shell)('lock.acquire', { filePath: 'by-hand' })
  const mine = { ...shell, projectPath: here, gitRoot: here }
  await laptop.caller(mine)('lock.acquire', { filePath: 'mine' })

  const refused = refusedTo('cli', hosts, here, ['src/deep/a.ts', 'readme.md', 'by-hand', 'mine', 'free'])
  expect(refused.map(({ path, lock, holder }) => [path, lock.filePath, holder.name, holder.agentType, holder.host])).toEqual([
    ['src/deep/a.ts', join(here, 'src'), bob.name, 'test', 'buildbox'],
    ['readme.md', join(here, 'README.md'), bob.name, 'test', 'buildbox'],
    ['by-hand', join(here, 'by-hand'), 'cli', 'human', 'buildbox'],
  ])
})

test('a lock on a directory above a repository covers it on its own machine, and nothing on another', async () => {
  await using hosts = await twoMachines()
  const { dir, laptop, buildbox } = hosts
  nameHosts(join(dir, 'mesh.db'))
  const here = laptop.clone('work/one')
  const bob = await buildbox.join(buildbox.disk)
  await buildbox.caller(bob)('lock.acquire', { filePath: join(laptop.disk, 'work') })
  expect(refusedTo('p_ann', hosts, here, ['a.ts'])).toEqual([])
  const shell = { id: 'cli', name: 'cli', agentType: 'human', projectPath: here, gitRoot: here, repo: null }
  await laptop.caller(shell)('lock.acquire', { filePath: join(laptop.disk, 'work') })
  expect(refusedTo('p_ann', hosts, here, ['a.ts'])).toMatchObject([
    { path: 'a.ts', lock: { filePath: join(laptop.disk, 'work') }, holder: { name: 'cli' } },
  ])
  expect(refusedTo('cli', hosts, here, ['a.ts'])).toEqual([])
})

test('whoever looks into the file sees its own machine as if it were alone, and the others apart', async () => {
  await using hosts = await twoMachines()
  const { dir, laptop, buildbox } = hosts
  const [ann, bob] = [await laptop.join(laptop.disk), await buildbox.join(buildbox.disk)]
  const { peers, others } = rowsIn(join(dir, 'mesh.db'))
  expect(peers.map(({ id, boot_id }) => [id, boot_id])).toEqual([[ann.id, 'boot']])
  expect(others.map(({ id, boot_id }) => [id, boot_id])).toEqual([[bob.id, 'bbbb/boot']])
})
