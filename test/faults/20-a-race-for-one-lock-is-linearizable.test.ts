import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { joinMesh } from '../../src/peer/peer.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { type Grant, problemsOf } from '../support/lock-history.ts'
import { patience, scaled } from '../support/scale.ts'

const GRANTS = scaled(150, 1_000)
const PEERS = 8
/** A racer is killed after about so many grants of all of them. */
const KILL_EVERY = 20
const PROGRAM = new URL('../programs/race-for-a-lock.mjs', import.meta.url).pathname
const now = () => Number(process.hrtime.bigint()) / 1e6

interface Entry {
  peer: string
  did: 'join' | 'lock' | 'unlocking' | 'unlock'
  from: number
  to: number
  ttlMs: number
  token: number | null
}

interface Racer {
  readonly child: ChildProcess
  readonly entries: Entry[]
  readonly ended: Promise<unknown>
  killedAt?: number
}

function startRacer(dir: string): Racer {
  const child = spawn(process.execPath, [PROGRAM, '/raced/for'], {
    env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const entries: Entry[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => entries.push(JSON.parse(line)))
  return { child, entries, ended: new Promise((resolve) => child.once('close', resolve)) }
}

function grantsOf({ entries, killedAt }: Racer): Grant[] {
  const grants: Grant[] = []
  for (const { did, peer, token, from, to, ttlMs } of entries) {
    if (did === 'lock' && token !== null) grants.push({ peer, token, from, to, ttlMs, ...(killedAt && { killedAt }) })
    const grant = grants.find((g) => g.token === token)
    // A killed process may have given its lock back without living to say so.
    if (did === 'unlocking' && grant) grant.releasedFrom = from
    if (did === 'unlock' && grant) grant.releasedBy = to
  }
  return grants
}

test('eight processes race for one path, crash and forget: never two holders, and tokens only grow', {
  timeout: patience(180_000),
}, async () => {
  const dir = dataDir()
  await using observer = await joinMesh({ env: meshEnv(dir), agentType: 'observer' })
  const racers = Array.from({ length: PEERS }, () => startRacer(dir))
  let running = [...racers]
  let kills = 0
  const granted = () => racers.reduce((n, racer) => n + racer.entries.filter((e) => e.did === 'lock').length, 0)
  const hasCrashed = async () =>
    (await observer.store.events.readAfter(0, ['file_unlocked'], 10_000)).events.some(
      ({ payload }) => payload.reason === 'crashed',
    )
  try {
    await eventually(() => racers.every((racer) => racer.entries.length > 0))
    // On until one of those who were killed had held the lock.
    while (granted() < GRANTS || !(await hasCrashed())) {
      const goal = Math.min(Math.max(GRANTS, granted() + 1), granted() + 1 + Math.floor(Math.random() * 2 * KILL_EVERY))
      await eventually(() => granted() >= goal, { every: 1 })
      // Every other time whoever seems to hold the lock just now, else anyone.
      const holding = kills % 2 === 0 ? running.filter((racer) => racer.entries.at(-1)?.did === 'lock') : []
      const victim = holding[0] ?? running[Math.floor(Math.random() * running.length)]
      if (!victim) throw new Error('nobody runs')
      victim.killedAt = now()
      victim.child.kill('SIGKILL')
      await victim.ended
      kills++
      const next = startRacer(dir)
      racers.push(next)
      running = [...running.filter((racer) => racer !== victim), next]
    }
  } finally {
    for (const { child } of running) child.stdin?.end()
    await Promise.race([
      Promise.all(racers.map((racer) => racer.ended)),
      new Promise((resolve) => setTimeout(resolve, 20_000).unref()),
    ])
    for (const { child } of running) child.kill('SIGKILL')
  }

  // As the callers saw it.
  const history = racers.flatMap(grantsOf)
  expect(problemsOf(history)).toEqual([])

  // As the log tells it: a grant, its end, the next grant, with tokens that only grow.
  const log = []
  for (let since = 0, more = true; more; ) {
    const read = await observer.store.events.readAfter(since, ['file_locked', 'file_unlocked'], 200)
    log.push(...read.events)
    since = read.events.at(-1)?.seq ?? since
    more = read.more
  }
  let held: number | null = null
  let last = 0
  const reasons = new Map<unknown, number>()
  const holderOf = new Map<number, string | undefined>()
  for (const { type, seq, payload, emittedBy } of log) {
    if (type === 'file_locked') {
      expect(held, `event ${seq}: ${held} is still held`).toBeNull()
      expect(seq).toBeGreaterThan(last)
      holderOf.set(seq, emittedBy?.id)
      last = held = seq
    } else {
      expect(payload.token, `event ${seq} ends another grant than the one that stands`).toBe(held)
      reasons.set(payload.reason, (reasons.get(payload.reason) ?? 0) + 1)
      held = null
    }
  }
  expect(held).toBeNull()
  // Every grant that a caller was told of stands in the log, as that caller's.
  for (const { token, peer } of history) expect(holderOf.get(token), `token ${token}`).toBe(peer)
  expect(history.length).toBeGreaterThanOrEqual(GRANTS)
  for (const reason of ['released', 'expired', 'crashed']) expect(reasons.get(reason), reason).toBeGreaterThan(0)
  const ends = [...reasons].map(([reason, count]) => `${count} ${reason}`).join(', ')
  report(20, {
    load: `${racers.length} processes race for one path`,
    injected: kills,
    acknowledged: history.length,
    doubleHolders: problemsOf(history).length,
    more: `ends of grants: ${ends}; linearizable`,
  })
})

test('the check of a history refuses what a lock must not do', () => {
  const grant = (token: number, from: number, to: number, released?: [number, number]): Grant => ({
    ...{ peer: `p${token}`, token, from, to, ttlMs: 1_000 },
    ...(released && { releasedFrom: released[0], releasedBy: released[1] }),
  })
  expect(problemsOf([grant(1, 0, 5, [10, 15]), grant(2, 3, 12, [13, 20])])).toEqual([])
  expect(problemsOf([grant(1, 0, 5), grant(2, 980, 992)])).toEqual([])
  const bad = {
    'two holders': [grant(1, 0, 5), grant(2, 100, 105)],
    'granted before it was given back': [grant(1, 0, 5, [50, 55]), grant(2, 10, 40)],
    'a token that went back': [grant(2, 0, 5, [10, 15]), grant(1, 20, 25)],
    'one token twice': [grant(1, 0, 5, [10, 15]), grant(1, 20, 25)],
    'granted before its holder was killed': [{ ...grant(1, 0, 5), killedAt: 50 }, grant(2, 10, 40)],
  }
  for (const [what, history] of Object.entries(bad)) expect(problemsOf(history), what).not.toEqual([])
  expect(problemsOf([{ ...grant(1, 0, 5), killedAt: 50 }, grant(2, 60, 65)])).toEqual([])
})
