import { beforeAll, expect, test } from 'vitest'
import { KNOWN_SCHEMA } from '../../src/core/sqlite/migrate.ts'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { buildEarlier, findEarlier } from '../support/earlier-build.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { health } from '../support/health.ts'
import { inFile, integrity, leaderRow } from '../support/mesh-file.ts'
import { patience, scaled } from '../support/scale.ts'

const earlier = findEarlier()
if ('missing' in earlier) console.warn(`fault 33: NOT TESTED here: ${earlier.missing}`)

const MESSAGES = scaled(25, 1_000)
const KILLS = scaled(1, 10)

type Version = 'earlier' | 'today'
let built: string
beforeAll(async () => {
  if (!('missing' in earlier)) built = await buildEarlier(earlier)
})

const start = (dir: string, version: Version) =>
  Agent.start({
    dir,
    ...(version === 'earlier' && { program: built }),
    env: { SLM_MESH_NAME: version, SLM_MESH_RATE: '0' },
  })
const schemaOf = (dir: string) => inFile(dir, (file) => Number(file.pragma('user_version', { simple: true })))

/** The term that the row tells of, once its leader is that process and answers on its port. */
const leads = (dir: string, agent: Agent) =>
  eventually(async () => {
    const { pid, port, term } = leaderRow(dir)
    return pid === agent.pid && port !== null && (await health(port))?.term === term && term
  })

/** Sends so many while the other does the same; resolves to what was acknowledged. */
async function sendAll(from: Agent, to: string): Promise<string[]> {
  const sent: string[] = []
  for (let i = 0; i < MESSAGES; i++) {
    await from.call('message.send', { to, message: `${i}` })
    sent.push(`${i}`)
  }
  return sent
}

async function readAll(by: Agent, count: number): Promise<string[]> {
  const read: string[] = []
  while (read.length < count) {
    const { messages } = await by.call('message.inbox', { limit: 100, wait: 30 })
    if (messages.length === 0) break
    read.push(...messages.map(({ payload }) => String(payload)))
  }
  return read
}

test.skipIf('missing' in earlier).each<[first: Version, second: Version]>([
  ['earlier', 'today'],
  ['today', 'earlier'],
])(
  '%s makes the file and %s joins: both versions talk, share, lock and lead in turn',
  async (first, second) => {
    const dir = dataDir()
    const running = new Map<Version, Agent>()
    try {
      running.set(first, await start(dir, first))
      const of = (version: Version) => running.get(version)!
      const made = schemaOf(dir)
      if (first === 'earlier') expect(made).toBeLessThanOrEqual(KNOWN_SCHEMA)
      await of(first).call('state.set', { key: 'before', value: 'the other came' })
      running.set(second, await start(dir, second))
      expect(schemaOf(dir)).toBe(KNOWN_SCHEMA)
      expect((await of(second).call('state.get', { key: 'before' })).entry.value).toBe('the other came')
      for (const [self, other] of [
        ['earlier', 'today'],
        ['today', 'earlier'],
      ] as const)
        expect((await of(self).call('peer.list', {})).peers.map(({ name, status }) => [name, status])).toEqual([
          [other, 'active'],
        ])

      // Messages, both ways at once, each one read while it is sent.
      const [sentA, sentB, readA, readB] = await Promise.all([
        sendAll(of('earlier'), 'today'),
        sendAll(of('today'), 'earlier'),
        readAll(of('today'), MESSAGES),
        readAll(of('earlier'), MESSAGES),
      ])
      expect([readA, readB]).toEqual([sentA, sentB])
      expect(await readAll(of('earlier'), 0)).toEqual([])

      // Locks and state, both ways.
      let doubleHolders = 0
      for (const [holder, other] of [
        [of('earlier'), of('today')],
        [of('today'), of('earlier')],
      ] as const) {
        await holder.call('lock.acquire', { filePath: '/tmp/one-path' })
        const attempt = other.call('lock.acquire', { filePath: '/tmp/one-path' })
        attempt.then(
          () => doubleHolders++,
          () => {},
        )
        await expect(attempt).rejects.toMatchObject({ code: 'locked' })
        const waiting = other.call('lock.acquire', { filePath: '/tmp/one-path', wait: 60 })
        await eventually(() => inFile(dir, (file) => file.prepare('SELECT count(*) FROM lock_waits').pluck().get()) === 1)
        await holder.call('lock.release', { filePath: '/tmp/one-path' })
        expect((await waiting).lock?.filePath).toBe('/tmp/one-path')
        await other.call('lock.release', { filePath: '/tmp/one-path' })
        const { entry } = await holder.call('state.set', { key: 'count', value: 'of the holder' })
        await other.call('state.set', { key: 'count', value: 'of the other', ifVersion: entry.version })
        expect((await holder.call('state.get', { key: 'count' })).entry.value).toBe('of the other')
      }

      // Whoever leads is killed; the other version leads. Who comes back is itself, with its mail and no lock.
      let kept = 0
      const terms: number[] = []
      for (let i = 0; i < 2 * KILLS; i++) {
        const leading = leaderRow(dir).pid === of('earlier').pid ? 'earlier' : 'today'
        const left = leading === 'earlier' ? 'today' : 'earlier'
        terms.push(await leads(dir, of(leading)))
        await of(leading).call('lock.acquire', { filePath: `/tmp/of-the-dead-${i}` })
        await of(leading).kill()
        terms.push(await leads(dir, of(left)))
        await of(left).call('lock.acquire', { filePath: `/tmp/of-the-dead-${i}`, wait: 30 })
        await of(left).call('message.send', { to: leading, message: `while you were dead ${i}` })
        running.set(leading, await start(dir, leading))
        expect(await readAll(of(leading), 1)).toEqual([`while you were dead ${i}`])
        kept++
      }
      expect(terms).toEqual([...terms].sort((a, b) => a - b))
      expect(new Set(terms).size).toBe(2 * KILLS + 1)
      expect(integrity(dir)).toBe('ok')
      expect(inFile(dir, (file) => file.prepare('SELECT count(*) FROM messages').pluck().get())).toBe(2 * MESSAGES + kept)
      report(33, {
        load: `${'name' in earlier ? earlier.name : ''} beside today's, ${first} first`,
        injected: 2 * KILLS,
        acknowledged: sentA.length + sentB.length + kept,
        lost: sentA.length - readA.length + sentB.length - readB.length,
        duplicated: readA.length + readB.length - new Set(readA).size - new Set(readB).size,
        doubleHolders,
        more: `kills of the leader, each followed by one of the other version; schema ${made} → ${schemaOf(dir)}`,
      })
    } finally {
      for (const agent of running.values()) await agent[Symbol.asyncDispose]()
    }
  },
  patience(60_000),
)
