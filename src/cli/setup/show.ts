import { paint, type Style, safe, safeLines, type Terminal } from '../terminal.ts'
import type { Wanted } from './agent.ts'
import { unifiedDiff } from './diff.ts'
import { ENTRY_NAME, type Plan, type Site } from './plan.ts'

/** What set-up did or would do, for people and for programs. */

export interface Outcome {
  readonly agent: string
  readonly title: string
  /** `planned`: shown only; `refused`: something was, the rest may be written. */
  readonly status: 'written' | 'planned' | 'unchanged' | 'refused'
  readonly files: readonly { readonly file: string; readonly change: 'made' | 'changed' | 'removed'; readonly diff: string }[]
  readonly refusals: readonly { readonly file: string; readonly line?: number; readonly why: string }[]
  readonly notes: readonly string[]
  readonly plan: Plan
}

interface About {
  readonly site: Site
  readonly wanted: Wanted
  readonly remove: boolean
}

export function outcomeOf(plan: Plan, isWritten: boolean, { site, wanted, remove }: About): Outcome {
  const { agent, changes, refused } = plan
  return {
    agent: agent.name,
    title: agent.title,
    status: refused.length > 0 ? 'refused' : changes.length === 0 ? 'unchanged' : isWritten ? 'written' : 'planned',
    files: changes.map(({ file, before, after }) => ({
      file,
      change: before === undefined ? 'made' : after === undefined ? 'removed' : 'changed',
      diff: `${unifiedDiff(file, before, after).join('\n')}\n`,
    })),
    refusals: refused.map(({ file, line, why }) => ({ file, ...(line !== undefined && { line }), why })),
    notes: remove ? leftOver(plan) : [...byHand(plan, site, wanted), ...(agent.notes?.(wanted) ?? [])],
    plan,
  }
}

const leftOver = ({ changes }: Plan): string[] =>
  changes
    .filter(({ isLeft }) => isLeft)
    .map(({ file }) => `slm-mesh was in ${file} before set-up, and still is; --remove once more takes that out too`)

/** What we do not write ourselves. */
function byHand({ agent }: Plan, { home, kind }: Site, { start }: Wanted): string[] {
  const { servers } = agent
  if (servers.format !== 'yaml') return []
  const [file] = servers[kind](home)
  if (file === undefined) return []
  const lines = Object.entries(servers.entry(start, home)).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`)
  return [`its YAML is not edited here: add to ${file}\n${[`${servers.key}:`, `  ${ENTRY_NAME}:`, ...lines].join('\n')}`]
}

const COLOURS: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' }

/** The agent's name, and its files as diffs. */
export function showPlan(terminal: Terminal, { agent, changes }: Plan): string {
  const diffs = changes.flatMap(({ file, before, after }) => unifiedDiff(file, before, after))
  const lines = diffs.map((line) => {
    const style = /^(?:---|\+\+\+) /.test(line) ? 'bold' : COLOURS[line[0] ?? '']
    return style === undefined ? safeLines(line) : paint(terminal, style, safeLines(line))
  })
  return [paint(terminal, 'bold', agent.title), ...lines].join('\n')
}

const SAID: { readonly [S in Outcome['status']]: readonly [mark: string, style: Style, set: string, removed: string] } = {
  written: ['✓', 'green', 'set up', 'taken out'],
  planned: ['·', 'dim', 'would be set up', 'would be taken out'],
  unchanged: ['✓', 'green', 'is set up already', 'has nothing of slm-mesh'],
  refused: ['✗', 'red', 'not set up, or not all of it', 'not taken out, or not all of it'],
}

export function showOutcome(
  terminal: Terminal,
  { status, plan, title, refusals, notes }: Outcome,
  { remove }: { remove: boolean },
): string {
  const isManual = plan.agent.servers.format === 'yaml' && status === 'unchanged'
  const [mark, style, set, removed] = isManual
    ? (['→', 'yellow', 'is for you to set up', SAID.unchanged[3]] as const)
    : SAID[status]
  const lines = refusals.map(
    ({ file, line, why }) => `  ${safe(file)}${line === undefined ? '' : `, line ${line}`}: ${safe(why)}`,
  )
  const hints = status === 'unchanged' && !isManual ? [] : notes
  return [
    `${paint(terminal, style, mark)} ${title} ${remove ? removed : set}`,
    ...lines,
    ...hints.map((note) => paint(terminal, 'dim', `  ${safeLines(note).replaceAll('\n', '\n  ')}`)),
  ].join('\n')
}

export function summary(
  terminal: Terminal,
  outcomes: readonly Outcome[],
  { isRemoval, isUnanswered }: { isRemoval: boolean; isUnanswered: boolean },
): string {
  const written = outcomes.filter(({ status, files }) => status === 'written' || (status === 'refused' && files.length > 0))
  if (isUnanswered) return 'Nothing was written.'
  if (written.length > 0)
    return paint(terminal, 'green', isRemoval ? 'Done.' : 'Done. Sessions that are open already see it when they start anew.')
  return isRemoval && outcomes.length === 0 ? 'Nothing of slm-mesh was found.' : 'Nothing was written.'
}
