import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onFailure } from './on-failure.ts'

/** A place of its own for one test, below the run's root, short enough for socket paths. A failing test shows its log. */
export function testDir(): string {
  const root = process.env.SLM_MESH_TEST_ROOT
  if (!root) throw new Error('the global set-up has not run')
  return mkdtempSync(join(root, 't-'))
}

/** A data directory of its own for one mesh. */
export function dataDir(): string {
  const dir = join(testDir(), 'mesh')
  onFailure(() => {
    const log = join(dir, 'mesh.log')
    if (existsSync(log)) console.error(`--- ${log}\n${readFileSync(log, 'utf8').slice(-8_000)}`)
  })
  return dir
}

/** Settings for a mesh in that directory, on any free port. */
export const meshEnv = (dir: string, more: Record<string, string> = {}): Record<string, string> => ({
  SLM_MESH_DATA_DIR: dir,
  SLM_MESH_PORT: '0',
  ...more,
})
