import { LEVELS, type Level } from '../../../core/log.ts'
import { paint, type Style, safe, safeLines, type Terminal } from '../../terminal.ts'
import { local } from '../../times.ts'

/** One line of the log: as it was written, as it is filtered, as it is shown. Pure. */

export interface Line {
  readonly raw: string
  /** Null for a line that is none of ours, such as the last words of a process that crashed. */
  readonly entry: { readonly time: string; readonly level: Level; readonly [fact: string]: unknown } | null
}

export function parseLine(raw: string): Line {
  try {
    const value: unknown = JSON.parse(raw)
    const isEntry =
      typeof value === 'object' &&
      value !== null &&
      'time' in value &&
      typeof value.time === 'string' &&
      !Number.isNaN(Date.parse(value.time)) &&
      'level' in value &&
      (LEVELS as readonly unknown[]).includes(value.level)
    return { raw, entry: isEntry ? (value as Line['entry']) : null } // time and level have been checked
  } catch {
    return { raw, entry: null }
  }
}

/** Whether a line is wanted. One that is none of ours may be the reason for looking, and is never held back. */
export const isWanted = ({ entry }: Line, wanted: { level: Level; sinceMs: number }): boolean =>
  entry === null || (LEVELS.indexOf(entry.level) >= LEVELS.indexOf(wanted.level) && Date.parse(entry.time) >= wanted.sinceMs)

const STYLES: Partial<Record<Level, Style>> = { debug: 'dim', warn: 'yellow', error: 'red' }
const WIDEST = 'debug'.length

/** For people: when, how bad, who, what, and the facts; a text of several lines below it. */
export function lineForPeople({ raw, entry }: Line, terminal: Pick<Terminal, 'colour'>): string {
  if (entry === null) return safe(raw)
  const { time, level, pid, peer, event, ...facts } = entry
  const short = Object.entries(facts).filter(([, value]) => !isLong(value))
  const long = Object.entries(facts).filter(([, value]) => isLong(value))
  const style = STYLES[level]
  const word = level.padEnd(WIDEST)
  const head = [
    paint(terminal, 'dim', `${local(time)}.${String(new Date(time).getMilliseconds()).padStart(3, '0')}`),
    style ? paint(terminal, style, word) : word,
    `${text(peer)}${paint(terminal, 'dim', `[${text(pid)}]`)}`,
    paint(terminal, 'bold', text(event)),
    ...short.map(([name, value]) => `${paint(terminal, 'dim', `${safe(name)}=`)}${factText(value)}`),
  ].join(' ')
  const below = long.map(
    ([name, value]) =>
      `${paint(terminal, 'dim', `    ${safe(name)}: `)}${safeLines(String(value)).trimEnd().replaceAll('\n', '\n    ')}`,
  )
  return [head, ...below].join('\n')
}

/** For programs: one JSON document a line, also where the log holds something else. */
export const lineForPrograms = ({ raw, entry }: Line): string => (entry === null ? JSON.stringify({ text: raw }) : raw)

const isLong = (value: unknown) => typeof value === 'string' && value.trimEnd().includes('\n')
const text = (value: unknown) => safe(typeof value === 'string' || typeof value === 'number' ? String(value) : '?')

/** A word as it is; anything in which one could not see where it ends, as JSON. */
const factText = (value: unknown) =>
  safe(typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : (JSON.stringify(value) ?? String(value)))
