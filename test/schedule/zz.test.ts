import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'vitest'
import { smallFileSystem } from '../support/full-disk.ts'
import { carryOut, startWorld } from './carry-out.ts'
import { check } from './check.ts'
import { plan } from './plan.ts'

test('dump', async () => {
  const disk = smallFileSystem(Number(process.env.MB ?? 24))
  if ('refused' in disk) throw new Error()
  const dir = disk.dir
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const libraries = ['ada', 'ben', 'cas', 'dan']
  const peers = [...libraries, 'eva']
  await using world = await startWorld({ dir, disk, libraries, agents: ['eva'] })
  for (const seed of (process.env.SEEDS ?? '1').split(',').map(Number)) {
    const p = plan(seed, {
      peers,
      clocks: libraries,
      durationMs: Number(process.env.DUR ?? 4000),
      restMs: Number(process.env.REST ?? 12),
      faultEveryMs: Number(process.env.FE ?? 200),
      leaderBias: 0.4,
      canFill: true,
    })
    const faults = process.env.FILL ? [{ at: 300, what: 'fill' as const, forMs: Number(process.env.FILL) }] : p.faults
    const h = await carryOut(world, { ...p, faults })
    writeFileSync(`/tmp/h-${seed}.json`, JSON.stringify(h))
    copyFileSync(`${dir}/mesh.log`, `/tmp/h-${seed}.log`)
    const v = check(h)
    const codes: Record<string, number> = {}
    for (const o of h.ops) {
      const k = `${o.call.do} ${'ok' in o.outcome ? 'ok' : 'refused' in o.outcome ? o.outcome.refused : 'unknown'}`
      codes[k] = (codes[k] ?? 0) + 1
    }
    const reasons: Record<string, number> = {}
    for (const e of h.log)
      if (e.payload.reason && e.type !== 'file_locked') {
        const k = `${e.type} ${e.payload.reason}`
        reasons[k] = (reasons[k] ?? 0) + 1
      }
    const because: Record<string, number> = {}
    for (const e of h.log)
      if (e.type === 'leader_elected') {
        const k = String(e.payload.because)
        because[k] = (because[k] ?? 0) + 1
      }
    console.info(
      seed,
      JSON.stringify({
        codes,
        reasons,
        because,
        mail: v.mail,
        joins: h.refusedJoins.length,
        faults: h.faults.map((f) => `${f.what} ${f.peer ?? ''} ${Math.round(f.to - f.from)}`),
      }),
      v.problems.length,
      v.problems.slice(0, 5),
    )
  }
}, 600000)
