import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bootOn, bootSeen, hostOf, isFresh, isOver, leftMs, overSql, overValues } from '../../src/core/lifetime.ts'
import { BATCH, pruneEdits } from '../../src/core/retention.ts'
import { openStore } from '../../src/core/store.ts'
import { bareStore, FakeClock } from '../support/bare-store.ts'

const clockOf = (bootId: string, uptime = 1_000) => ({ bootId, uptime: () => uptime })

test('a boot is named with its host, or stands alone where the mesh is one machine', () => {
  expect(hostOf(bootOn('a1b2', 'boot'))).toBe('a1b2')
  expect(hostOf('boot')).toBe('')
})

test.each([
  ['one machine, this boot', 'boot', 'boot', 'this'],
  ['one machine, the boot before', 'old', 'boot', 'earlier'],
  ['a host, its own boot', 'a/boot', 'a/boot', 'this'],
  ['a host, its boot before', 'a/old', 'a/boot', 'earlier'],
  ['another host', 'b/boot', 'a/boot', 'elsewhere'],
  ['a host whose name begins as ours', 'aa/boot', 'a/boot', 'elsewhere'],
] as const)('%s', (_, bootId, here, seen) => expect(bootSeen(bootId, here)).toBe(seen))

test.each([
  ['now', 'a/boot', 1_000, 0, true],
  ['to come', 'a/boot', 1_001, 1, false],
  ['of the boot before, however far away its uptime is', 'a/old', 9_999, Number.NEGATIVE_INFINITY, true],
  ['of another host, however long ago its uptime would be', 'b/boot', 1, Number.POSITIVE_INFINITY, false],
])('the end of a lifetime that is %s', (_, bootId, until, left, over) => {
  const clock = clockOf('a/boot')
  expect(leftMs(until, bootId, clock)).toBe(left)
  expect(isOver(until, bootId, clock)).toBe(over)
})

test('what has happened just so long ago is fresh still', () => {
  expect(isFresh(900, 100, 'boot', clockOf('boot'))).toBe(true)
  expect(isFresh(899, 100, 'boot', clockOf('boot'))).toBe(false)
  expect(isFresh(1_000, 100, 'old', clockOf('boot'))).toBe(false)
})

test.each(['boot', 'a/boot'])('SQL says the same as the function, seen from %s', async (here) => {
  await using mesh = await bareStore()
  const clock = clockOf(here)
  for (const bootId of ['boot', 'old', 'a/boot', 'a/old', 'b/boot', 'aa/boot'])
    for (const until of [999, 1_000, 1_001]) {
      const inSql = mesh.database.read((sql) =>
        sql.get<{ over: number }>(
          `SELECT ${overSql('until <= ?')} AS over FROM (SELECT ? AS boot_id, ? AS until)`,
          ...overValues(clock, 1_000),
          bootId,
          until,
        ),
      )
      expect([bootId, until, inSql?.over === 1]).toEqual([bootId, until, isOver(until, bootId, clock)])
    }
})

/** The same file as two machines have it, each with a clock of its own. */
async function twoHosts() {
  const mesh = await bareStore('a/boot')
  const clock = new FakeClock()
  clock.bootId = 'b/boot'
  clock.pass(-900_000)
  const path = join(mesh.dir, 'mesh.db')
  const there = await openStore(path, { clock, staleMs: 30_000, ring: () => {}, isGone: () => false })
  return {
    here: mesh,
    there: { ...there, clock },
    async [Symbol.asyncDispose]() {
      there.database[Symbol.dispose]()
      await mesh[Symbol.asyncDispose]()
    },
  }
}

const claim = (key: string, ttlMs: number) => ({
  paths: [{ key, filePath: key, repo: null, repoPath: null }],
  ...{ reason: '', ttlMs, ticket: null },
})

test('a lock runs out by the clock of its own machine, whatever the others say', async () => {
  await using hosts = await twoHosts()
  const { here, there } = hosts
  const ann = await here.join()
  const bob = await here.join()
  await here.store.locks.acquire(ann, claim('/file', 60_000), 0)

  there.clock.pass(3_600_000)
  expect(await there.store.locks.expire(BATCH)).toBe(0)
  expect(await there.store.locks.acquire(bob, claim('/file', 60_000), 0)).toMatchObject({ conflicts: [{ kind: 'held' }] })
  expect(await there.store.oversight.locks()).toHaveLength(1)

  here.clock.pass(60_000)
  expect(await here.store.locks.expire(BATCH)).toBe(1)
  expect(await there.store.locks.acquire(bob, claim('/file', 60_000), 0)).toMatchObject({ granted: [{}] })
})

test('a machine that has started anew gives up what it had before, and nobody else does', async () => {
  await using hosts = await twoHosts()
  const { here, there } = hosts
  await here.store.locks.acquire(await here.join(), claim('/file', 60_000), 0)
  here.clock.bootId = 'a/next boot'
  expect(await there.store.locks.expire(BATCH)).toBe(0)
  expect(await here.store.locks.expire(BATCH)).toBe(1)
})

test('agents on two machines that write one file meet, and each machine forgets its own edits', async () => {
  await using hosts = await twoHosts()
  const { here, there } = hosts
  const ann = await here.join()
  const bob = await here.join()
  const touched = { key: '/file', filePath: '/file', repo: null, repoPath: null }
  await here.store.edits.touch(ann, [touched])
  await there.store.edits.touch(bob, [touched])
  expect(await here.store.edits.collisions(ann.id)).toMatchObject([{ peer: { id: bob.id } }])

  there.clock.pass(31_000)
  const touches = () => here.database.read((sql) => sql.all<{ peer_id: string }>('SELECT peer_id FROM touches'))
  await there.database.write((tx) => pruneEdits(tx, there.clock))
  expect(touches()).toEqual([{ peer_id: ann.id }])
})

test('a peer of another machine is not stale by our clock', async () => {
  await using hosts = await twoHosts()
  const { here, there } = hosts
  const ann = await here.join()
  there.clock.pass(3_600_000)
  const row = await there.store.peers.get(ann.id)
  expect(row && there.store.peers.toPeer(row).status).toBe('active')
})
