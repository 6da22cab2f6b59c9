import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { carryOut, startWorld } from '../schedule/carry-out.ts'
import type { Verdict } from '../schedule/check.ts'
import { examine } from '../schedule/examine.ts'
import { plan } from '../schedule/plan.ts'
import { dataDir } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { descriptorsOf, filesOf, memoryOf } from '../support/footprint.ts'
import { inFile } from '../support/mesh-file.ts'
import { median, patience, scaled } from '../support/scale.ts'

const SECONDS = scaled(9, 600)
const ROUND_MS = scaled(2_000, 10_000)
const LIBRARIES = ['ada', 'ben', 'cas', 'dan', 'fay', 'gus']
const AGENTS = ['eva', 'hal']
const PEERS = [...LIBRARIES, ...AGENTS]
/** Never killed, so that there is something to measure. */
const SPARED = ['ada', 'ben', 'eva']

/** In MiB; a process's memory may grow by this from when it is warm to the end. What it keeps of one round would be more. */
const MEMORY_GROWTH = scaled(16, 16)
/** A link to and from each peer may be open or not; nothing else may differ. */
const DESCRIPTORS_GROWTH = 2 * PEERS.length
const DATABASE = scaled(16, 48)
const WAL = 32
const LOGS = 6

/** What has it run as long as here. */
const REPLAY = process.env.SLM_MESH_FAULTS === 'full' ? 'SLM_MESH_FAULTS=full ' : ''

const seed = Number(process.env.SLM_MESH_SEED ?? randomInt(2 ** 31))

interface Footprint {
  readonly memory: number
  readonly descriptors: number
}

test(`eight peers under mixed load and random kills keep every promise, and take no more as time goes on [${seed}]`, {
  timeout: patience(120_000),
}, async () => {
  const dir = dataDir()
  await using world = await startWorld({ dir, libraries: LIBRARIES, agents: AGENTS })
  const total = { acknowledged: 0, injected: 0, lost: 0, duplicated: 0, stored: 0, grants: 0, terms: 0 }
  const samples = new Map<string, Footprint[]>(SPARED.map((name) => [name, []]))
  const largest = { database: 0, wal: 0, logs: 0 }
  const watching = setInterval(() => {
    for (const [what, size] of Object.entries(filesOf(dir)))
      largest[what as keyof typeof largest] = Math.max(largest[what as keyof typeof largest], size) // its own keys
  }, 50)
  try {
    const end = performance.now() + SECONDS * 1_000
    // Each round has a history of its own, which is checked and dropped: the test itself does not grow either.
    for (let round = 0; performance.now() < end || round < 4; round++) {
      const options = { peers: PEERS, spared: SPARED, clocks: LIBRARIES, durationMs: ROUND_MS, restMs: 15 }
      const faults = { faultEveryMs: scaled(250, 1_500), leaderBias: 0.05, canFill: false }
      const history = await carryOut(world, plan(seed + round, { ...options, ...faults }))
      const verdict = examine(history, `${REPLAY}SLM_MESH_SEED=${seed} npx vitest run test/faults/32`, join(dir, 'mesh.log'))
      add(total, verdict)
      await sample(world, samples)
      age(dir)
    }
  } finally {
    clearInterval(watching)
  }

  for (const [name, footprints] of samples) {
    const { memory, descriptors } = growthOf(footprints)
    expect(memory, `memory of ${name}: ${footprints.map((f) => f.memory.toFixed(1)).join(' ')}`).toBeLessThan(MEMORY_GROWTH)
    expect(descriptors, `descriptors of ${name}: ${footprints.map((f) => f.descriptors).join(' ')}`).toBeLessThanOrEqual(
      DESCRIPTORS_GROWTH,
    )
  }
  expect(largest.database).toBeLessThan(DATABASE)
  expect(largest.wal).toBeLessThan(WAL)
  expect(largest.logs).toBeLessThan(LOGS)
  const grown = [...samples.values()].map(growthOf)
  const most = (count: (growth: Footprint) => number) => Math.max(...grown.map(count))
  report(32, {
    load: `${PEERS.length} peers for ${SECONDS} s, seed ${seed}`,
    injected: total.injected,
    acknowledged: total.acknowledged,
    lost: total.lost,
    duplicated: total.duplicated,
    doubleHolders: 0,
    more: [
      `${total.stored} messages, ${total.grants} grants, ${total.terms} elections`,
      `memory of a survivor grew by ${most((g) => g.memory).toFixed(1)} MiB (bound ${MEMORY_GROWTH})`,
      `descriptors by ${most((g) => g.descriptors)} (bound ${DESCRIPTORS_GROWTH})`,
      `at most ${largest.database.toFixed(1)} MiB of database, ${largest.wal.toFixed(1)} of WAL, ${largest.logs.toFixed(1)} of logs (bounds ${DATABASE}, ${WAL}, ${LOGS})`,
    ].join('; '),
  })
})

function add(total: Record<string, number>, { mail, acknowledged, injected, grants, terms }: Verdict): void {
  const { lost, duplicated, stored } = mail
  for (const [what, count] of Object.entries({ lost, duplicated, stored, acknowledged, injected, grants, terms }))
    total[what] = (total[what] ?? 0) + count
}

async function sample({ members }: Awaited<ReturnType<typeof startWorld>>, samples: Map<string, Footprint[]>): Promise<void> {
  for (const [name, footprints] of samples) {
    const member = members.find((each) => each.name === name)
    const participant = await member?.present
    if (!participant) throw new Error(`${name} is not there`)
    await participant.settle()
    footprints.push({ memory: memoryOf(participant.pid), descriptors: descriptorsOf(participant.pid) })
  }
}

/** From the second quarter, when it is warm, to the last. */
function growthOf(footprints: readonly Footprint[]): Footprint {
  const quarter = Math.max(1, Math.floor(footprints.length / 4))
  const warm = footprints.slice(quarter, 2 * quarter)
  const last = footprints.slice(-quarter)
  const grown = (of: (footprint: Footprint) => number) => median(last.map(of)) - median(warm.map(of))
  return { memory: grown((f) => f.memory), descriptors: grown((f) => f.descriptors) }
}

/** What has been checked was long ago: so the janitor has its work, of which it would have none for days. */
const age = (dir: string): void =>
  inFile(dir, (file) => {
    file.exec(`BEGIN IMMEDIATE;
      UPDATE events SET created_at = created_at - 604800000 WHERE created_at > unixepoch() * 1000 - 518400000;
      UPDATE messages SET created_at = created_at - 604800000 WHERE created_at > unixepoch() * 1000 - 518400000;
      COMMIT`)
  })
