import { existsSync, lstatSync } from 'node:fs'
import { fail } from '../../core/errors.ts'
import { openDataDir, whyUnsafe } from '../../core/paths.ts'
import type { Store } from '../../core/store.ts'
import { type Define, type Desk, examples, wholeNumber } from '../command.ts'
import { EXIT_FAILED, EXIT_OK } from '../failures.ts'
import { findDamaged } from '../leftovers/damaged.ts'
import type { Ground, Leftover } from '../leftovers/leftover.ts'
import { NO_ROWS, rowsIn } from '../rows.ts'
import { storeHere } from '../store-here.ts'
import { paint, safe } from '../terminal.ts'
import { wrap } from '../wrap.ts'

interface Options {
  dryRun?: boolean
  damaged?: number
}

export const define: Define = (command, handle) => {
  command
    .option('-n, --dry-run', 'only say what would be done')
    .option(
      '--damaged <days>',
      'also remove damaged databases that were moved aside so many days ago or more',
      wholeNumber('damaged', 0, 3_650),
    )
    .addHelpText(
      'after',
      `\nIt removes what dead processes left behind, and ends MCP servers of ours whose\nagent is gone. What lives is never touched; a damaged database that was moved\naside is, only with --damaged.\n${examples('slm-mesh clean --dry-run', 'slm-mesh clean', "slm-mesh clean --json | jq '.done[].what'")}`,
    )
    .action(handle(clean))
}

interface Deed extends Pick<Leftover, 'kind' | 'what' | 'facts'> {
  /** How it went, where that is not what one expects. */
  readonly note?: string
  readonly outcome: 'done' | 'planned' | 'left' | 'failed'
}

async function clean(desk: Desk, { dryRun = false, damaged }: Options): Promise<number> {
  const found = lstatSync(desk.layout.dataDir, { throwIfNoEntry: false })
  if (!found) {
    desk.answer({ dryRun, done: [] }, () => `There is no mesh yet in ${safe(desk.layout.dataDir)}: nothing to clean up.`)
    return EXIT_OK
  }
  const why = whyUnsafe(found, process.getuid?.(), process.platform)
  if (why) throw fail('unsafe', { path: desk.layout.dataDir, why })
  const { stages } = await import('../leftovers/stages.ts')
  const layout = openDataDir(desk.config.dataDir)
  const store = storeOnce(desk)
  const deeds: Deed[] = []
  for (const find of damaged === undefined ? stages : [...stages, findDamaged(damaged)]) {
    const ground: Ground = { layout, rows: existsSync(layout.database) ? rowsIn(layout.database) : NO_ROWS, store }
    const leftovers = await find(ground)
    // Zombies are given their time together; each of the rest is a moment's work.
    deeds.push(...(await Promise.all(leftovers.map((leftover) => (dryRun ? planned(leftover) : does(leftover))))))
    if (desk.signal.aborted) break
  }
  const width = desk.terminal.isTty ? desk.terminal.size().columns : Number.POSITIVE_INFINITY
  desk.answer({ dryRun, done: deeds.map(({ facts, ...deed }) => ({ ...deed, ...facts })) }, () =>
    [
      ...deeds.map((deed) => paint(desk.terminal, deed.outcome === 'failed' ? 'red' : [], wrap(line(deed), width, 2))),
      summary(deeds, dryRun),
    ].join('\n'),
  )
  return deeds.some(({ outcome }) => outcome === 'failed') ? EXIT_FAILED : EXIT_OK
}

/** Opens the file for writing when something in it has to change, and only then. */
function storeOnce(desk: Desk): () => Promise<Store> {
  let opened: Promise<Store> | undefined
  return () => {
    opened ??= storeHere(desk)
    return opened
  }
}

const planned = ({ kind, what, facts }: Leftover): Deed => ({ kind, what, facts, outcome: 'planned' })

async function does({ kind, what, facts, clear }: Leftover): Promise<Deed> {
  try {
    const result = await clear()
    return {
      ...{ kind, what, facts, outcome: result === false ? 'left' : 'done' },
      ...(typeof result === 'string' && { note: result }),
    }
  } catch (error) {
    return { kind, what, facts, outcome: 'failed', note: error instanceof Error ? error.message : String(error) }
  }
}

function line({ kind, what, outcome, note }: Deed): string {
  const [does, did] = kind === 'zombie' ? ['end', 'ended'] : ['remove', 'removed']
  const words = { done: did, planned: `would ${does}`, left: 'left alone:', failed: `could not ${does}` }[outcome]
  const why = note ?? (outcome === 'left' ? 'it has changed meanwhile' : undefined)
  return safe(`${words} ${what}${why ? ` (${why})` : ''}`)
}

function summary(deeds: readonly Deed[], dryRun: boolean): string {
  const count = deeds.filter(({ outcome }) => outcome === 'done' || outcome === 'planned').length
  if (count === 0) return 'Nothing to clean up.'
  const things = count === 1 ? '1 thing' : `${count} things`
  return dryRun ? `${things} would be cleaned up.` : `${things} cleaned up.`
}
