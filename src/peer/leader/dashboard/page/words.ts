import { escaped, span } from '../../../../core/visible.ts'
import type { WireEvent } from './wire.ts'

/** Text of others, figures, times and events, as the page says them. Pure. What others wrote is hostile: it is shown, as text. */

/** On one line, with what one would not see made visible. */
export const shown = escaped

/** Lines stay lines, tabs stay tabs. */
export const shownLines = (text: string): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(escaped).join('\t'))
    .join('\n')

export { span }

export const agoOf = (iso: string, now: number): string => {
  const ms = now - Date.parse(iso)
  return ms < 1500 ? 'now' : `${span(ms)} ago`
}

const two = (n: number) => String(n).padStart(2, '0')

/** What is left until a moment: `0:09`, `9:41`, `2:05:00`. */
export function countdown(untilIso: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(untilIso) - now) / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** `14:05:09`, in the reader's time zone. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso)
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export const grouped = (n: number): string => n.toLocaleString('en-US')

export const counted = (n: number, one: string, many = `${one}s`): string => `${grouped(n)} ${n === 1 ? one : many}`

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, n)) / 3))
  const value = n / 1000 ** unit
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

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

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)

/** What an event says beside its type and who caused it. */
export function detailOf({ type, payload }: WireEvent, nameOf: (id: string) => string): string {
  const field = (name: string) => textOf(payload[name])
  const more = (text: string, before: string, after = '') => (text === '' ? '' : `${before}${text}${after}`)
  switch (type) {
    case 'peer_joined':
      return `${payload.returned === true ? 'is back: ' : ''}${field('agentType')} in ${field('projectPath')}`
    case 'peer_left':
      return field('reason')
    case 'peer_updated':
      return payload.summary === undefined
        ? `${field('projectPath')}${more(field('gitBranch'), ' on ')}`
        : field('summary') || '(no longer says on what)'
    case 'message_received':
      return `to ${nameOf(field('to'))}`
    case 'state_changed':
      return `${field('namespace')}/${field('key')}${more(field('change'), ' ')}`
    case 'file_locked':
      return `${field('filePath')}${more(field('reason'), ': ')}`
    case 'file_unlocked':
      return `${field('filePath')}${more(field('reason'), ' (', ')')}`
    case 'file_changed':
      return field('filePath')
    case 'database_recovered':
      return `the damaged one is ${field('movedTo')}`
    case 'leader_elected': {
      const previous = payload.previous
      const name = typeof previous === 'object' && previous !== null && 'name' in previous ? textOf(previous.name) : ''
      return `leads term ${field('term')}${more(name, ', after ')}${more(field('because'), ' (', ')')}`
    }
    default:
      return Object.keys(payload).length === 0 ? '' : JSON.stringify(payload)
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
