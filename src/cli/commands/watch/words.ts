import { basename } from 'node:path'
import type { Event } from '../../../core/events.ts'
import type { Peer } from '../../../core/peers.ts'
import { local } from '../../times.ts'
import { type Model, textOf } from './model.ts'

/** Figures, times and events in words. Pure. */

/** `14:05:09`, in the local time zone. */
export const timeOfDay = (iso: string) => local(iso).slice(11)

/** What is left until a moment: `0:09`, `9:41`, `2:05:00`. */
export function countdown(untilIso: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(untilIso) - now) / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

export const grouped = (n: number) => n.toLocaleString('en-US')

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB']
  let unit = 0
  let value = n
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

/**
 * Paths as those who work there say them: below the root of their repository, with its name where there are several.
 * Others stay whole.
 */
export function shortener(peers: readonly Pick<Peer, 'gitRoot' | 'projectPath'>[]): (path: string) => string {
  const roots = [...new Set(peers.map(({ gitRoot, projectPath }) => gitRoot ?? projectPath))]
    .filter((root) => root.length > 1)
    .sort((a, b) => b.length - a.length)
  return (path) => {
    const root = roots.find((known) => path.startsWith(known) && /^[/\\]./.test(path.slice(known.length)))
    if (root === undefined) return path
    return roots.length === 1 ? path.slice(root.length + 1) : `${basename(root)}${path.slice(root.length)}`
  }
}

/** What an event says beyond its type and who caused it. */
export function detailOf({ type, payload }: Event, names: Model['names'], pathIn: (path: string) => string): string {
  const field = (name: string) => textOf(payload[name])
  const more = (text: string, before: string, after = '') => (text === '' ? '' : `${before}${text}${after}`)
  switch (type) {
    case 'peer_joined':
      return `${payload.returned === true ? 'is back: ' : ''}${field('agentType')} in ${field('projectPath')}`
    case 'peer_left':
      return field('reason')
    case 'peer_updated':
      return payload.summary === undefined ? `${field('projectPath')}${more(field('gitBranch'), ' on ')}` : field('summary')
    case 'message_received':
      return `to ${names.get(field('to')) ?? field('to')}`
    case 'state_changed':
      return `${field('namespace')}/${field('key')}${more(field('change'), ' ')}`
    case 'file_locked':
      return `${pathIn(field('filePath'))}${more(field('reason'), ': ')}`
    case 'file_unlocked':
      return `${pathIn(field('filePath'))}${more(field('reason'), ' (', ')')}`
    case 'database_recovered':
      return `the damaged one is ${field('movedTo')}`
    case 'file_changed':
      return pathIn(field('filePath'))
    case 'leader_elected': {
      const previous = payload.previous
      const name = typeof previous === 'object' && previous !== null && 'name' in previous ? textOf(previous.name) : ''
      return `leads term ${field('term')}${more(name, ', after ')}${more(field('because'), ' (', ')')}`
    }
    default:
      return textOf(payload)
  }
}
