import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/health.ts'
import { elections, guards, inFile, integrity, leaderRow, sockets } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'

const CROWD = scaled(10, 16)
const ROUNDS = scaled(1, 20)

const startCrowd = (dir: string) => Promise.all(Array.from({ length: CROWD }, () => Agent.start({ dir })))

/** One leader whom all follow, everybody active under a name of its own, and nothing left over. */
async function expectOrder(dir: string, crowd: readonly Agent[]): Promise<string[]> {
  const { term, pid } = await eventually(() => servingLeader(dir))
  expect(crowd.map((agent) => agent.pid)).toContain(pid)
  const ids = new Set<string>()
  const names = new Set<string>()
  for (const agent of crowd) {
    const { self, peers } = await agent.call('peer.list', {})
    ids.add(self.id)
    names.add(self.name.toLowerCase())
    expect([self, ...peers].map(({ status }) => status)).toEqual(Array.from({ length: CROWD }, () => 'active'))
    expect((await agent.call('mesh.status', {})).leader).toMatchObject({ term, pid })
  }
  expect([ids.size, names.size]).toEqual([CROWD, CROWD])
  await eventually(() => guards(dir).length === 1)
  expect(guards(dir)).toEqual([`leader.${term}.lock`])
  const files = readdirSync(dir)
  expect(files.filter((name) => /token|port/.test(name)).sort()).toEqual(['leader.token', 'port'])
  expect(statSync(join(dir, 'leader.token')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(dir, 'port'), 'utf8')).toBe(`${leaderRow(dir).port}\n`)
  expect(crowd.map((agent) => agent.stderr).join('')).toBe('')
  const paths = inFile(dir, (file) => file.prepare<[], string>('SELECT socket_path FROM peers WHERE live = 1').pluck().all())
  expect(sockets(dir)).toEqual(expect.arrayContaining(paths.map((path) => basename(path))))
  expect(inFile(dir, (file) => file.prepare("SELECT count(*) FROM peers WHERE kind <> 'known'").pluck().get())).toBe(CROWD)
  return [...names].sort()
}

test(
  'a crowd that starts at once, on an empty directory and again after all were killed, elects one leader and has no duplicates',
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const dir = dataDir()
      const first = await startCrowd(dir)
      const names = await expectOrder(dir, first)
      expect(elections(dir)).toHaveLength(1)
      expect(sockets(dir)).toHaveLength(CROWD)
      await Promise.all(first.map((agent) => agent.kill()))

      const before = leaderRow(dir).term
      const stale = sockets(dir) // swept once they have been there for as long as a dead peer is given
      const second = await startCrowd(dir)
      expect(await expectOrder(dir, second)).toEqual(names)
      expect(leaderRow(dir).term).toBe(before + 1)
      await Promise.all(second.map((agent) => agent[Symbol.asyncDispose]()))
      expect(inFile(dir, (file) => file.prepare('SELECT count(*) FROM peers WHERE live = 1').pluck().get())).toBe(0)
      const terms = elections(dir).map(({ term }) => term)
      expect(new Set(terms).size).toBe(terms.length)
      expect(sockets(dir).filter((name) => !stale.includes(name))).toEqual([])
      expect(guards(dir)).toEqual([])
      expect(integrity(dir)).toBe('ok')
    }
    report(7, {
      load: `${CROWD} peers`,
      injected: 2 * ROUNDS,
      more: `starts of all at once, one leader and ${CROWD} names each time`,
    })
  },
  patience(30_000),
)
