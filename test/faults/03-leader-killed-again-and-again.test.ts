import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { servingLeader } from '../support/health.ts'
import { elections, guards, inFile, integrity, leaderRow } from '../support/mesh-file.ts'
import { freePorts } from '../support/ports.ts'
import { median, patience, scaled } from '../support/scale.ts'

const KILLS = scaled(8, 50)
const PEERS = 4

/** Sends to the others without a pause, and reads, until it is told to stop or its process is killed. */
class Talker {
  readonly acknowledged: string[] = []
  readonly failures: unknown[] = []
  killed = false
  #talking: Promise<void> | undefined

  private constructor(
    readonly agent: Agent,
    readonly name: string,
  ) {}

  static async start(dir: string, name: string, port: number): Promise<Talker> {
    const env = { SLM_MESH_NAME: name, SLM_MESH_RATE: '0', SLM_MESH_PORT: `${port}` }
    return new Talker(await Agent.start({ dir, env }), name)
  }

  talk(to: readonly string[], signal: AbortSignal): void {
    const others = to.filter((name) => name !== this.name)
    this.#talking = (async () => {
      for (let i = 0; !signal.aborted && !this.killed; i++) {
        const message = `${this.agent.pid} ${i}`
        await this.agent.call('message.send', { to: others[i % others.length] ?? '', message })
        this.acknowledged.push(message)
        if (i % 20 === 0) await this.agent.call('message.inbox', { limit: 100 })
      }
    })().catch((error: unknown) => {
      if (!this.killed) this.failures.push(error)
    })
  }

  async kill(): Promise<void> {
    this.killed = true
    await this.agent.kill()
  }

  stopped = () => this.#talking
}

test(
  'however often the leader is killed, the next one serves, terms grow by one each time, and no send fails',
  async () => {
    const dir = dataDir()
    // The leaders hand it on to each other.
    const [port = 0] = await freePorts(1)
    const names = Array.from({ length: PEERS }, (_, i) => `peer-${i}`)
    const all: Talker[] = []
    const stop = new AbortController()
    const join = async (name: string) => {
      const talker = await Talker.start(dir, name, port)
      all.push(talker)
      return talker
    }
    const living = new Map<string, Talker>()
    try {
      for (const name of names) living.set(name, await join(name)) // one after the other: all names are known then
      for (const talker of living.values()) talker.talk(names, stop.signal)
      const first = await eventually(() => servingLeader(dir))

      const backAfterMs: number[] = []
      let serving = first
      for (let kill = 0; kill < KILLS; kill++) {
        const leader = [...living.values()].find(({ agent }) => agent.pid === serving.pid)
        if (!leader) throw new Error(`no peer has the leader's pid ${serving.pid}`)
        const killedAt = performance.now()
        const gone = leader.kill()
        const next = await eventually(
          async () => {
            const now = await servingLeader(dir)
            return now && now.term > serving.term && now
          },
          { every: 1 },
        )
        backAfterMs.push(performance.now() - killedAt)
        expect(next.term).toBe(serving.term + 1)
        await gone
        const replacement = await join(leader.name)
        replacement.talk(names, stop.signal)
        living.set(leader.name, replacement)
        serving = next
      }

      stop.abort()
      await Promise.all(all.map((talker) => talker.stopped()))
      const failures = all.flatMap((talker) => talker.failures)
      expect(failures).toEqual([])
      for (const { agent } of living.values())
        expect((await agent.call('mesh.status', {})).leader).toMatchObject({ pid: serving.pid, term: serving.term })
      expect(leaderRow(dir)).toMatchObject({ term: first.term + KILLS, pid: serving.pid })
      expect(elections(dir).map(({ term }) => term)).toEqual(Array.from({ length: KILLS + 1 }, (_, i) => first.term + i))
      await eventually(() => guards(dir).length === 1)
      expect(guards(dir)).toEqual([`leader.${serving.term}.lock`])

      const acknowledged = all.flatMap((talker) => talker.acknowledged)
      const stored = new Map(
        inFile(dir, (file) =>
          file.prepare<[], [string, number]>('SELECT payload, count(*) FROM messages GROUP BY payload').raw().all(),
        ),
      )
      const lost = acknowledged.filter((message) => stored.get(message) !== 1)
      expect(lost).toEqual([])
      expect(integrity(dir)).toBe('ok')
      report(3, {
        load: `${names.length} peers that send to each other`,
        injected: KILLS,
        acknowledged: acknowledged.length,
        lost: acknowledged.filter((message) => !stored.has(message)).length,
        duplicated: acknowledged.filter((message) => (stored.get(message) ?? 0) > 1).length,
        more: `${failures.length} sends failed; /health back after ${Math.round(median(backAfterMs))} ms (median), ${Math.round(Math.max(...backAfterMs))} ms (worst)`,
      })
    } finally {
      stop.abort()
      for (const { agent } of all) await agent[Symbol.asyncDispose]()
    }
  },
  patience(30_000),
)
