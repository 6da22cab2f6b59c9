/** Figures, times and events as a person reads them, at a terminal or in a browser: nothing here is of Node. Pure. */

/** What is left until a moment: `0:09`, `9:41`, `2:05:00`. */
export function countdown(untilIso: string, now: number): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(untilIso) - now) / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A whole number, by thousands: `10,240`. The first `toLocaleString` of a process or a page loads its languages, for 20 ms. */
export const grouped = (n: number) => String(n).replace(/\B(?=(\d{3})+$)/g, ',')

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

/** A field of an event, which anybody may have emitted, as text. */
export const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : (JSON.stringify(value) ?? '')

/** What an event says beside its type and who caused it. */
export function detailOf(
  { type, payload }: { readonly type: string; readonly payload: Readonly<Record<string, unknown>> },
  nameOf: (id: string) => string,
  pathIn = (path: string) => path,
): string {
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
      return `${pathIn(field('filePath'))}${more(field('reason'), ': ')}`
    case 'file_unlocked':
      return `${pathIn(field('filePath'))}${more(field('reason'), ' (', ')')}`
    case 'file_changed':
      return pathIn(field('filePath'))
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
