import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The pre-commit hook that runs the guard. A hook that was there before is set aside as it is, under another name in the
 * same directory, and run after ours; taking ours out moves it back, so that not a byte of it has changed.
 */

const FIRST = `#!/bin/sh
# slm-mesh guard: refuses a commit of files that another session holds.
# \`slm-mesh guard remove\` takes this out again.
`
const LAST = `# end of slm-mesh guard\n`
const NAME = 'pre-commit'
const ASIDE = 'pre-commit.before-slm-mesh'
/** Only this means a refusal: a program that is missing or broken ends with other codes, and stops no commit. */
export const EXIT_REFUSED = 10

export interface HookFile {
  readonly path: string
  /** Where an earlier hook is set aside. */
  readonly aside: string
}

/** Who stands where ours should: nobody, we, another, or we with somebody's additions. */
export type Owner = 'nobody' | 'guard' | 'other' | 'changed'

export const hookFile = (hooksDir: string): HookFile => ({ path: join(hooksDir, NAME), aside: join(hooksDir, ASIDE) })

export function ownerOf({ path }: HookFile): Owner {
  const text = hookText(path)
  if (text === undefined) return 'nobody'
  if (!text.startsWith(FIRST)) return text.includes(LAST) ? 'changed' : 'other'
  return text.endsWith(LAST) ? 'guard' : 'changed'
}

/** Undefined where there is no file; a dangling link is one. */
export function hookText(path: string): string | undefined {
  if (!lstatSync(path, { throwIfNoEntry: false })) return undefined
  return existsSync(path) ? readFileSync(path, 'latin1') : ''
}

/** What the hook runs: this very program, wherever the commit is made. Pure. */
export function hookScript(on: { node: string; program: string; dataDir: string | undefined }): string {
  const words = ['guard', 'check', '--hook', ...(on.dataDir === undefined ? [] : ['--data-dir', on.dataDir])]
  return `${FIRST}
node=${quoted(on.node)}
program=${quoted(on.program)}
[ -x "$node" ] || node=node
if [ -f "$program" ]; then
  "$node" "$program" ${words.map(quoted).join(' ')}
  [ $? -eq ${EXIT_REFUSED} ] && exit 1
else
  echo "slm-mesh: $program is gone: this commit is not checked" >&2
fi
before="$(dirname "$0")/${ASIDE}"
[ -x "$before" ] && exec "$before" "$@"
exit 0
${LAST}`
}

/** One word for sh. Pure. */
const quoted = (word: string) => `'${word.replaceAll('\\', '/').replaceAll("'", `'\\''`)}'`

/** Puts ours in place, at once; what stood there is set aside. Returns false where it stood there already. */
export function install(hooksDir: string, script: string): boolean {
  const { path, aside } = hookFile(hooksDir)
  if (hookText(path) === script) return false
  mkdirSync(hooksDir, { recursive: true })
  const owner = ownerOf({ path, aside })
  const next = `${path}.${process.pid}.new`
  writeFileSync(next, script)
  chmodSync(next, 0o755)
  if (owner === 'other') renameSync(path, aside)
  renameSync(next, path)
  return true
}

/** Takes ours out, and moves back what stood there before. */
export function remove({ path, aside }: HookFile): void {
  if (lstatSync(aside, { throwIfNoEntry: false })) renameSync(aside, path)
  else rmSync(path, { force: true })
}
