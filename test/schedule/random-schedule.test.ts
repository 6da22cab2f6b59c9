import { randomInt } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dataDir } from '../support/data-dir.ts'
import { report } from '../support/figures.ts'
import { smallFileSystem } from '../support/full-disk.ts'
import { patience, scaled } from '../support/scale.ts'
import { carryOut, startWorld } from './carry-out.ts'
import { check, type Verdict } from './check.ts'
import { examine } from './examine.ts'
import { plan } from './plan.ts'

/** Each mesh lives through so many schedules, one after the other. */
const SEEDS = scaled(2, 40)
const DURATION_MS = scaled(1_500, 4_000)
const MEGABYTES = 24
const LIBRARIES = scaled(3, 4)
const NAMES = ['ada', 'ben', 'cas', 'dan']
const AGENTS = ['eva']

const given = process.env.SLM_MESH_SEED
const kept = process.env.SLM_MESH_HISTORY
const seeds = given === undefined ? Array.from({ length: SEEDS }, () => randomInt(2 ** 31)) : given.split(',').map(Number)

const sum = (verdicts: readonly Verdict[], count: (verdict: Verdict) => number) =>
  verdicts.reduce((total, verdict) => total + count(verdict), 0)

if (kept === undefined)
  test(
    `whatever happens to whom and when, locks, values, mail and events are as if one after another [${seeds.join(',')}]`,
    async () => {
      const disk = smallFileSystem(MEGABYTES)
      if ('refused' in disk) console.warn(`no schedule fills the disk: nothing can be mounted here (${disk.refused})`)
      const canFill = !('refused' in disk)
      const dir = canFill ? disk.dir : dataDir()
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      const libraries = NAMES.slice(0, LIBRARIES)
      const peers = [...libraries, ...AGENTS]
      await using world = await startWorld({ dir, ...(canFill && { disk }), libraries, agents: AGENTS })
      const verdicts: Verdict[] = []
      for (const seed of seeds) {
        const options = {
          peers,
          clocks: libraries,
          durationMs: DURATION_MS,
          restMs: 12,
          faultEveryMs: 200,
          leaderBias: 0.4,
          canFill,
        }
        const history = await carryOut(world, plan(seed, options))
        const full = process.env.SLM_MESH_FAULTS === 'full' ? 'SLM_MESH_FAULTS=full ' : ''
        verdicts.push(examine(history, `${full}SLM_MESH_SEED=${seed} npx vitest run test/schedule/random`, join(dir, 'mesh.log')))
      }
      const acknowledged = sum(verdicts, (v) => v.acknowledged)
      expect(acknowledged).toBeGreaterThan(0)
      report('schedule', {
        load: `${peers.length} peers, seeds ${seeds.length > 4 ? `${seeds.length} of them` : seeds.join(', ')}`,
        injected: sum(verdicts, (v) => v.injected),
        acknowledged,
        lost: sum(verdicts, (v) => v.mail.lost),
        duplicated: sum(verdicts, (v) => v.mail.duplicated),
        doubleHolders: 0,
        more: [
          `${sum(verdicts, (v) => v.mail.stored)} messages, ${sum(verdicts, (v) => v.grants)} grants`,
          `${sum(verdicts, (v) => v.terms)} elections, ${sum(verdicts, (v) => v.unknown)} calls whose outcome nobody was told`,
          'all histories linearizable',
        ].join(', '),
      })
    },
    patience(120_000),
  )
else
  test(`the history kept in ${kept} is right`, () => {
    const { problems } = check(JSON.parse(readFileSync(kept, 'utf8')))
    expect(problems).toEqual([])
  })
