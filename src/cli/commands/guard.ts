import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../core/config.ts'
import { hostIn } from '../../core/host.ts'
import { embeddedPaths, type PathScheme } from '../../core/path-scheme.ts'
import { asDocument, common, type Define, type Desk, examples } from '../command.ts'
import { EXIT_FAILED, EXIT_OK } from '../failures.ts'
import type { Holding } from '../guard/held.ts'
import { EXIT_REFUSED, hookFile, hookScript, hookText, install, ownerOf, remove } from '../guard/hook-file.ts'
import { byHand, managerOf } from '../guard/hook-manager.ts'
import { type Repository, repositoryAt, stagedPaths, topOf } from '../guard/repository.ts'
import { paint, safe, safeLines } from '../terminal.ts'
import { local, times } from '../times.ts'

/** A git hook that refuses commits of files that another session holds. */

export const define: Define = (command, handle) => {
  word(command, 'install', "put it into this repository's pre-commit hook; a hook that is there is kept, and run after it")
    .addHelpText('after', examples('slm-mesh guard install'))
    .action(handle(installGuard))
  word(command, 'remove', 'take it out again; the hook that was there before is as it was')
    .addHelpText('after', examples('slm-mesh guard remove'))
    .action(handle(removeGuard))
  word(command, 'check', 'what the hook runs: exit 1 where another holds a file that is staged')
    .option('--hook', `exit ${EXIT_REFUSED} instead of 1, so that nothing else than a refusal stops a commit`)
    .addHelpText('after', examples('slm-mesh guard check', 'SLM_MESH_GUARD=off git commit'))
    .action(handle(check))
  command.addHelpText(
    'after',
    [
      '\nA commit is refused when it changes a file that another session holds, or a',
      'person at a shell; `git commit --no-verify` or SLM_MESH_GUARD=off commits all',
      'the same. Where there is no mesh, or it cannot be read, the commit passes.',
      examples('slm-mesh guard install', 'slm-mesh guard check'),
    ].join('\n'),
  )
}

const word = (parent: Command, usage: string, summary: string) => common(parent.command(usage).description(summary))

/** Why it was not done, and what to do instead. */
function refuse(desk: Desk, why: string, add?: string): number {
  if (desk.json) desk.terminal.out(`${asDocument({ ok: false, error: why, ...(add !== undefined && { add }) })}\n`)
  desk.terminal.err(`slm-mesh: ${safe(why)}\n`)
  if (add !== undefined && !desk.json) desk.terminal.err(`\n${safeLines(add)}\n`)
  return EXIT_FAILED
}

async function installGuard(desk: Desk): Promise<number> {
  const repository = await repositoryAt(desk)
  const file = hookFile(repository.hooksDir)
  const owner = ownerOf(file)
  const problem = owner === 'guard' ? undefined : whyNot(repository, hookText(file.path))
  if (problem) return refuse(desk, problem.why, problem.add)
  if (owner === 'changed') return refuse(desk, `${file.path} holds the guard and other things: take one of them out by hand`)
  if (owner === 'other' && hookText(file.aside) !== undefined)
    return refuse(desk, `${file.aside} is in the way: a hook was written over the guard; move one of the two away`)
  const script = hookScript({ node: process.execPath, program: desk.program, dataDir: unusualDataDir(desk) })
  const changed = install(repository.hooksDir, script)
  const before = hookText(file.aside) === undefined ? null : file.aside
  desk.answer({ installed: file.path, before, changed }, () =>
    changed
      ? [
          `Commits of files that others hold are refused now: ${safe(file.path)}`,
          ...(before === null ? [] : [`The hook that was there runs after it, as ${safe(before)}`]),
        ].join('\n')
      : `The guard is there already: ${safe(file.path)}`,
  )
  return EXIT_OK
}

function whyNot({ hooksDir, hooksAreOwn }: Repository, text: string | undefined): { why: string; add: string } | undefined {
  const manager = managerOf(hooksDir, text)
  if (manager) return { why: `${manager.name} writes this repository's hooks: add this to ${manager.file}`, add: manager.add }
  if (hooksAreOwn) return undefined
  return { why: `core.hooksPath leads out of this repository: add this to ${hookFile(hooksDir).path} by hand`, add: byHand }
}

/** The hook looks where the mesh is, whatever the environment of the commit says. */
function unusualDataDir({ config, env }: Desk): string | undefined {
  const usual = readConfig({ ...env, SLM_MESH_DATA_DIR: undefined }).dataDir
  return config.dataDir === usual ? undefined : config.dataDir
}

async function removeGuard(desk: Desk): Promise<number> {
  const { hooksDir } = await repositoryAt(desk)
  const file = hookFile(hooksDir)
  const owner = ownerOf(file)
  if (owner === 'changed') return refuse(desk, `${file.path} holds other things beside the guard: take its lines out by hand`)
  // Somebody has taken ours out, and forgotten what it had set aside.
  const isLeft = owner === 'nobody' && hookText(file.aside) !== undefined
  const removed = owner === 'guard' || isLeft
  if (removed) remove(file)
  const restored = removed && hookText(file.path) !== undefined
  desk.answer({ removed: removed ? file.path : null, restored }, () =>
    removed
      ? `The guard is gone.${restored ? ` The hook that was there before is back: ${safe(file.path)}` : ''}`
      : 'There is no guard in this repository.',
  )
  return EXIT_OK
}

/** Never throws and never refuses for another reason than a lock: a commit is not ours to stop. */
async function check(desk: Desk, { hook = false }: { hook?: boolean }): Promise<number> {
  if (/^(off|0|false|no)$/i.test(desk.env.SLM_MESH_GUARD ?? '')) return pass(desk, 'SLM_MESH_GUARD is off')
  try {
    if (!existsSync(desk.layout.database)) return pass(desk, `there is no mesh in ${desk.layout.dataDir}`)
    const [{ rowsIn }, { heldByOthers, standingLocks }, { ownPeer }] = await Promise.all([
      import('../rows.ts'),
      import('../guard/held.ts'),
      import('../guard/own-peer.ts'),
    ])
    const { peers, others } = rowsIn(desk.layout.database)
    const hostId = hostIn(desk.layout.dataDir)
    const locks = standingLocks(desk.layout.database, peers, hostId)
    const top = await topOf(desk)
    const paths = locks.length === 0 ? [] : await stagedPaths(desk, top)
    const own = await ownPeer(desk, peers)
    const agentTypes = new Map([...peers, ...others].map((row) => [row.id, row.agent_type]))
    const refused = heldByOthers(top, paths, locks, own, agentTypes, await schemeOf(hostId))
    if (refused.length === 0) {
      desk.answer({ refused }, () => '')
      return EXIT_OK
    }
    if (desk.json) desk.terminal.out(`${asDocument({ ok: false, refused })}\n`)
    else desk.terminal.err(`${refusal(desk, refused)}\n`)
    return hook ? EXIT_REFUSED : EXIT_FAILED
  } catch (error) {
    return pass(desk, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
  }
}

async function schemeOf(hostId: string): Promise<Pick<PathScheme, 'locate' | 'nested'>> {
  if (hostId === '') return embeddedPaths
  const { createSharedPaths } = await import('../../core/nats/path-scheme.ts')
  return createSharedPaths({ hostId })
}

function pass(desk: Desk, why: string): number {
  desk.answer({ refused: [], unchecked: why }, () => '')
  desk.terminal.err(`slm-mesh: this commit is not checked for others' locks: ${safe(why)}\n`)
  return EXIT_OK
}

const MAX_SHOWN = 20

function refusal(desk: Desk, refused: readonly Holding[]): string {
  const time = times(false, Date.now())
  const files = `${refused.length} file${refused.length === 1 ? '' : 's'}`
  const names = [...new Set(refused.map(({ holder }) => holder.name))]
  return [
    paint(desk.terminal, 'bold', `slm-mesh: this commit is refused: others hold ${files} of it`),
    ...refused
      .slice(0, MAX_SHOWN)
      .flatMap(({ path, lock, holder }) => [
        `  ${safe(path)}`,
        `    held by ${safe(holder.name)} (${safe(holder.agentType)})${holder.host === undefined ? '' : ` on ${safe(holder.host)}`} until ${local(lock.until)}, ${time.ahead(lock.until)}${lock.reason && `: ${safe(JSON.stringify(lock.reason))}`}`,
      ]),
    ...(refused.length > MAX_SHOWN ? [`  and ${refused.length - MAX_SHOWN} more`] : []),
    ...names
      .slice(0, 3)
      .map((name) => `Ask:     slm-mesh send ${safe(name)} "I need to commit what you hold: may I?" (an agent: mesh_send)`),
    `Wait:    slm-mesh lock acquire --wait 60 <path>, commit, and release it (an agent: mesh_lock)`,
    'Or not:  git commit --no-verify, or SLM_MESH_GUARD=off git commit',
  ].join('\n')
}
