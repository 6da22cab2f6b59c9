import { Option } from 'commander'
import { fail } from '../../core/errors.ts'
import { LEVELS, type Level } from '../../core/log.ts'
import { sleep } from '../../core/scope.ts'
import { type Define, type Desk, examples, misused, wholeNumber } from '../command.ts'
import { EXIT_ABSENT, EXIT_INTERRUPTED, EXIT_OK } from '../failures.ts'
import { durationMs } from '../times.ts'
import { isWanted, lineForPeople, lineForPrograms, parseLine } from './logs/line.ts'
import { createTail } from './logs/tail.ts'

/** What the peers of this mesh have logged, all into one file. */

const DEFAULT_LINES = 50
/** More than two rotated files can hold. */
const MAX_LINES = 1_000_000
const LOOK_EVERY_MS = 200

interface Options {
  follow?: boolean
  lines?: number
  level: Level
  since?: number
}

export const define: Define = (command, handle) => {
  command
    .option('-f, --follow', 'go on with what is logged from now on')
    .option(
      '-n, --lines <n>',
      `the last n lines (default: ${DEFAULT_LINES}; with --since: all)`,
      wholeNumber('lines', 0, MAX_LINES),
    )
    .addOption(
      new Option('--level <level>', 'this level and what is worse')
        .choices(LEVELS.filter((l) => l !== 'silent'))
        .default('debug'),
    )
    .option('--since <time>', 'a time such as 2026-11-25T14:00, or how long ago: 90s, 10m, 2h, 1d', (text) =>
      momentOf(text, Date.now()),
    )
    .addHelpText(
      'after',
      examples(
        'slm-mesh logs --follow',
        'slm-mesh logs --level warn --since 2h',
        'slm-mesh logs --json -n 1000 | jq -r \'select(.event == "elected") | .term\'',
      ),
    )
    .action(handle(logs))
}

async function logs(desk: Desk, { follow = false, lines, level, since }: Options): Promise<number> {
  const { terminal, signal, json, layout } = desk
  const read = createTail(layout.log)
  const wanted = { level, sinceMs: since ?? Number.NEGATIVE_INFINITY }
  const show = (raws: readonly string[], count: number) => {
    const found = raws.map(parseLine).filter((line) => isWanted(line, wanted))
    const shown = found.slice(Math.max(0, found.length - count))
    const form = json ? lineForPrograms : (line: (typeof shown)[number]) => lineForPeople(line, terminal)
    if (shown.length > 0) terminal.out(`${shown.map(form).join('\n')}\n`)
    return shown.length
  }

  const stored = read(!follow)
  const count = show(stored, lines ?? (since === undefined ? DEFAULT_LINES : Number.POSITIVE_INFINITY))
  if (!follow) {
    if (stored.length === 0) throw fail('not_found', { what: 'log yet at', id: layout.log })
    if (count === 0) desk.remark('Nothing of that kind has been logged.')
    return count === 0 ? EXIT_ABSENT : EXIT_OK
  }
  if (stored.length === 0) desk.remark(`Nothing has been logged in ${layout.log} yet.`)
  while (!signal.aborted) {
    await sleep(LOOK_EVERY_MS, signal, true)
    show(read(), Number.POSITIVE_INFINITY)
  }
  return EXIT_INTERRUPTED
}

/** `2h`: that long before `now`; else a date and time. Throws a misuse. */
export function momentOf(text: string, now: number): number {
  const ago = durationMs(text)
  if (ago !== undefined) return now - ago
  // Whatever else Date takes for a time, a lone number is hardly meant as a year.
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time)) throw misused('--since must be a time such as 2026-11-25T14:00, or how long ago: 90s, 10m, 2h, 1d')
  return time
}
