import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { testDir } from './data-dir.ts'

/**
 * The program as it was, built from this repository's history with today's packages: the last release, which is the
 * newest tag `v*` whose schema is in the history; before there is one, the state before the newest migration.
 */
export interface Earlier {
  readonly commit: string
  /** What it is, for a reader. */
  readonly name: string
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MIGRATIONS = 'src/core/sqlite/migrations'
const git = (...args: string[]) =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

/** Undefined with the reason where the history does not reach so far: in a package, or a shallow clone. */
export function findEarlier(): Earlier | { missing: string } {
  try {
    // Not of this very commit: a release is tested beside the one before.
    const tag = git('tag', '--list', 'v*', '--merged', 'HEAD~1', '--sort=-version:refname').split('\n')[0]
    if (tag) return { commit: git('rev-parse', `${tag}^{commit}`), name: tag }
    const newest = readdirSync(join(ROOT, MIGRATIONS)).sort().at(-1)
    const added = git('log', '--diff-filter=A', '--format=%H', '-1', '--', `${MIGRATIONS}/${newest}`)
    const commit = git('rev-parse', '--verify', `${added}~1`)
    return { commit, name: `${commit.slice(0, 7)}, before ${newest}` }
  } catch (error) {
    return { missing: `no git history that reaches back so far (${String(error).split('\n')[0]})` }
  }
}

/** Builds it below the run's root; resolves to its program. */
export async function buildEarlier({ commit }: Earlier): Promise<string> {
  const dir = join(testDir(), 'earlier')
  mkdirSync(dir)
  const source = execFileSync('git', ['archive', commit, 'src', 'bin', 'package.json'], { cwd: ROOT, maxBuffer: 1 << 28 })
  execFileSync('tar', ['-x', '-C', dir], { input: source })
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'), 'junction')
  const bundle = await rolldown({
    cwd: dir,
    input: { 'slm-mesh': join(dir, 'bin/slm-mesh.ts') },
    platform: 'node',
    external: ['better-sqlite3'],
    transform: { target: 'node20.19' },
    moduleTypes: { '.sql': 'text' },
    resolve: { alias: { 'jsonc-parser': fileURLToPath(import.meta.resolve('jsonc-parser/lib/esm/main.js')) } },
    logLevel: 'silent',
  })
  await bundle.write({ dir: join(dir, 'dist'), format: 'esm', entryFileNames: '[name].js' })
  return join(dir, 'dist/slm-mesh.js')
}
