import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { type Agent, startMesh, ToolError } from '../support/agent.ts'
import { report } from '../support/figures.ts'
import { leading } from '../support/leader.ts'
import { median, patience, scaled } from '../support/scale.ts'

/** One caller sends as fast as it can; it is told, and the others are served. */

/** Of a caller in 10 s: too little for the runaway even where the machine is slow, enough for the others. */
const LIMIT = 60

test(
  'an agent that sends without end is told when to come again; the others send, lock and set all the while',
  async () => {
    await using mesh = await startMesh(3, { env: { SLM_MESH_RATE: String(LIMIT) } })
    const [runaway, calm, receiver] = mesh.agents
    if (!runaway || !calm || !receiver) throw new Error('three agents were asked for')
    const to = await receiver.name()
    const begun = performance.now()
    let accepted = 0
    const refusals: number[] = []
    const flood = async (count: number) => {
      for (let i = 0; i < count; i++)
        await runaway.call('message.send', { to, message: 'more' }).then(
          () => void accepted++,
          (error: unknown) => {
            if (!(error instanceof ToolError) || error.code !== 'rate_limited') throw error
            refusals.push(Number(error.facts.retryAfterMs))
          },
        )
    }
    const work = async (by: Agent, filePath: string) => {
      const took: number[] = []
      for (let i = 0; i < 25; i++) {
        const at = performance.now()
        await by.call('state.set', { key: filePath, value: String(i) })
        await by.call('lock.acquire', { filePath })
        took.push(performance.now() - at)
      }
      return took
    }
    const each = scaled(120, 2_500)
    const flooding = Promise.all([flood(each), flood(each), flood(each), flood(each)])
    const took = await work(calm, '/tmp/calm')
    await flooding
    const seconds = (performance.now() - begun) / 1000
    expect(accepted + refusals.length).toBe(4 * each)
    expect(refusals.length).toBeGreaterThan(0)
    expect(refusals.every((ms) => ms > 0 && ms <= 10_000)).toBe(true)
    // A bucket of LIMIT that is refilled in 10 s.
    expect(accepted).toBeLessThanOrEqual(LIMIT + Math.ceil((seconds / 10) * LIMIT) + 1)
    const { unread } = (await receiver.call('mesh.status', {})).self
    expect(unread).toBe(accepted)
    const quiet = await work(receiver, '/tmp/quiet') // whose own budget is untouched
    report(29, {
      load: 'another agent that sets and locks',
      injected: 4 * each,
      acknowledged: accepted,
      lost: accepted - unread,
      more: `${refusals.length} sends told to wait; the other's set and lock: median ${median(took).toFixed(1)} ms meanwhile, ${median(quiet).toFixed(1)} ms when it was quiet, none failed`,
    })
  },
  patience(30_000),
)

test(
  'over REST the same: 429 with Retry-After for the one, 200 for the other',
  async () => {
    await using mesh = await leading({ SLM_MESH_RATE: String(LIMIT) })
    const [runaway, calm] = [await mesh.script(), await mesh.script()]
    const set = (peerId: string) => mesh.ask('/state', { action: 'set', key: peerId, value: 'v', peerId })
    const flood = Array.from({ length: 8 }, async () => {
      const statuses: number[] = []
      for (let i = 0; i < scaled(40, 1_250); i++) {
        const answer = await set(runaway.id)
        statuses.push(answer.status)
        if (answer.status === 429) expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      }
      return statuses
    })
    for (let i = 0; i < 25; i++) expect((await set(calm.id)).status).toBe(200)
    const statuses = (await Promise.all(flood)).flat()
    expect(new Set(statuses)).toEqual(new Set([200, 429]))
    const told = statuses.filter((status) => status === 429).length
    report(29, {
      load: 'another script that sets',
      injected: statuses.length,
      acknowledged: statuses.length - told,
      more: `${told} requests told to wait; 25 of the other, all served`,
    })
  },
  patience(30_000),
)
