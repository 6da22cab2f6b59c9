import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir, testDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { electedTerms, servingLeader, watchLeaders } from '../support/leader-watch.ts'
import { scaled } from '../support/scale.ts'

const PEERS = 3
const ROUNDS = scaled(1, 5)

const lockOf = (dir: string, term: number) => join(dir, `leader.${term}.lock`)
const locksIn = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.lock'))

/** A directory of somebody else, at which a link may point. */
function victim() {
  const dir = testDir()
  writeFileSync(join(dir, 'precious'), 'do not touch')
  return { dir, isUnharmed: () => readdirSync(dir).join() === 'precious' }
}

/** Peers of one mesh that may die and be replaced, and a look from outside at every port that was ever published. */
async function startWatched() {
  const dir = dataDir()
  const agents = await Promise.all(Array.from({ length: PEERS }, () => Agent.start({ dir })))
  const ports = new Set<number>()
  const watch = watchLeaders(ports)
  return {
    dir,
    agents,
    watch,
    async leader(after = 0) {
      const leaders = await Promise.any(agents.map((agent) => servingLeader(agent, { after })))
      ports.add(leaders.port)
      return leaders
    },
    async replace(pid: number) {
      const at = agents.findIndex((agent) => agent.pid === pid)
      await agents[at]!.kill()
      agents.splice(at, 1)
      return { again: async () => agents.push(await Agent.start({ dir })) }
    },
    async [Symbol.asyncDispose]() {
      await watch.stop()
      for (const agent of agents) await agent[Symbol.asyncDispose]()
    },
  }
}

test('whatever stands at the place of the next term, a dead leader is replaced and its own lock is cleared away', async () => {
  await using mesh = await startWatched()
  const other = victim()
  const litter: ((path: string) => void)[] = [
    (path) => mkdirSync(path),
    (path) => mkdirSync(join(path, 'deep'), { recursive: true }),
    (path) => writeFileSync(path, 'a file'),
    (path) => symlinkSync(other.dir, path),
  ]
  let leader = await mesh.leader()
  for (const put of litter) {
    put(lockOf(mesh.dir, leader.term + 1))
    const replaced = await mesh.replace(leader.pid)
    const next = await mesh.leader(leader.term)
    expect(next.term).toBe(leader.term + 1)
    await eventually(() => locksIn(mesh.dir).join() === `leader.${next.term}.lock`)
    await replaced.again()
    leader = next
  }
  expect(other.isUnharmed()).toBe(true)
  const { answers, violations } = await mesh.watch.stop()
  expect(violations).toEqual([])
  const terms = await electedTerms(mesh.agents[0]!)
  expect(terms).toHaveLength(litter.length + 1)
  report(10, {
    load: `${PEERS} peers, every port watched`,
    injected: litter.length,
    more: `litter in the place of a lock: ${terms.length} terms, ${answers} answers, ${violations.length} of an older term`,
  })
})

test('a leader whose lock is deleted or replaced hands over, and never do two lead', async () => {
  await using mesh = await startWatched()
  const other = victim()
  // What comes to stand in the place of the deleted lock.
  const meddling: ((path: string) => void)[] = [
    () => {},
    (path) => writeFileSync(path, 'a file'),
    (path) => symlinkSync(other.dir, path),
    (path) => mkdirSync(join(path, 'deep'), { recursive: true }),
    (path) => {
      mkdirSync(path)
      utimesSync(path, 1, 1)
    },
  ]
  let leader = await mesh.leader()
  for (let round = 0; round < ROUNDS; round++)
    for (const replace of meddling) {
      rmSync(lockOf(mesh.dir, leader.term), { recursive: true })
      replace(lockOf(mesh.dir, leader.term))
      leader = await mesh.leader(leader.term)
    }
  await eventually(() => existsSync(lockOf(mesh.dir, leader.term)))
  // Everything that was put in the way of earlier terms is gone as well.
  await eventually(() => locksIn(mesh.dir).join() === `leader.${leader.term}.lock`)
  expect(other.isUnharmed()).toBe(true)

  const { answers, violations } = await mesh.watch.stop()
  expect(violations).toEqual([])
  const terms = await electedTerms(mesh.agents[0]!)
  expect(terms).toHaveLength(ROUNDS * meddling.length + 1)
  for (const agent of mesh.agents) expect((await agent.call('peer.list', {})).peers).toHaveLength(PEERS - 1)
  report(10, {
    load: `${PEERS} peers, every port watched`,
    injected: meddling.length * ROUNDS,
    more: `locks meddled with: ${terms.length} terms, ${answers} answers, ${violations.length} of an older term`,
  })
})
