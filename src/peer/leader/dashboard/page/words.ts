import { escaped, span } from '../../../../core/visible.ts'
import { bytes, countdown, detailOf, grouped } from '../../../../core/words.ts'

/** Text of others, figures, times and events, as the page says them. Pure. What others wrote is hostile: it is shown, as text. */

/** On one line, with what one would not see made visible. */
export const shown = escaped

/** Lines stay lines, tabs stay tabs. */
export const shownLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(escaped).join('\t'))
    .join('\n')

export { bytes, countdown, detailOf, grouped, span }

export const agoOf = (iso: string, now: number): string => {
  const ms = now - Date.parse(iso)
  return ms < 1500 ? 'now' : `${span(ms)} ago`
}

const two = (n: number) => String(n).padStart(2, '0')

/** `14:05:09`, in the reader's time zone. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export const counted = (n: number, one: string, many = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`

/** The last part of a path, for where there is little room. */
export const baseOf = (path: string): string => path.split(/[/\\]/).filter(Boolean).at(-1) ?? path

/** What stands before it. */
export const dirOf = (path: string): string => path.slice(0, path.length - (/[^/\\]*[/\\]*$/.exec(path)?.[0].length ?? 0))

/** JSON is set out; other text stays as it is. */
export function laidOut(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2)
  } catch {
    return value
  }
}

const TITLES: Readonly<Record<string, string>> = {
  peer_joined: 'joined',
  peer_left: 'left',
  peer_updated: 'works on',
  message_received: 'sent mail',
  state_changed: 'set state',
  file_locked: 'locked',
  file_unlocked: 'unlocked',
  file_changed: 'file changed',
  leader_elected: 'elected',
  database_recovered: 'database made anew',
}

export const titleOf = (type: string): string => TITLES[type] ?? type
