import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { check, type Verdict } from './check.ts'
import type { History } from './history.ts'

const SHOWN = 12

/** Checks a history. One that is not right is kept, with the mesh's log, and the failure says how to replay and recheck it. */
export function examine(history: History, replay: string, meshLog?: string): Verdict {
  const verdict = check(history)
  if (verdict.problems.length === 0) return verdict
  const kept = join(tmpdir(), `slm-mesh-schedule-${history.seed}-${process.pid}.json`)
  writeFileSync(kept, JSON.stringify(history))
  if (meshLog && existsSync(meshLog)) copyFileSync(meshLog, `${kept}.log`)
  const { problems } = verdict
  const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : []
  expect.fail(
    [
      `seed ${history.seed}: ${problems.length} problems`,
      ...problems.slice(0, SHOWN),
      ...more,
      `replay: ${replay}`,
      `check the kept history again: SLM_MESH_HISTORY=${kept} npx vitest run test/schedule/random`,
    ].join('\n'),
  )
}
