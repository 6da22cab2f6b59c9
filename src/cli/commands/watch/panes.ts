import type { Peer } from '../../../core/peer.ts'
import { span as lasting } from '../../../core/visible.ts'
import { countdown, detailOf } from '../../../core/words.ts'
import type { Style } from '../../terminal.ts'
import type { Pane } from './layout.ts'
import { type Column, oneLine, span } from './line.ts'
import type { Letter, Model } from './model.ts'
import { shortener, timeOfDay } from './words.ts'

/** What each pane's rows say. Pure. */

type Row<P extends Pane> = Model[P][number]
export type Columns = { readonly [P in Pane]: readonly Column<Row<P>>[] }

/** What has come within this time stands out. */
const FRESH_MS = 3_000
const SOON_MS = 60_000
const VERY_SOON_MS = 15_000

const STATE_STYLE: Record<NonNullable<Letter['read']>['state'], Style> = {
  ...{ queued: 'yellow', notified: 'cyan', seen: 'dim', acked: 'green', expired: 'red' },
}
const STATUS_STYLE = { active: 'green', stale: 'yellow', away: 'dim' } as const
const NAME_STYLE = { active: 'bold', stale: 'yellow', away: 'dim' } as const
const STATUS_SIGN = { active: '●', stale: '◐', away: '○' } as const

/** A narrow screen has no column for the status: the sign before the name tells it, and what is odd stands in the summary's. */
export function columnsOf(model: Model, now: number, isNarrow: boolean): Columns {
  const leader = model.link.via === 'nothing' ? undefined : model.link.leader?.id
  const held = new Map<string, number>()
  for (const { lockedBy } of model.locks) held.set(lockedBy.id, (held.get(lockedBy.id) ?? 0) + 1)
  const isFresh = (iso: string) => now - Date.parse(iso) < FRESH_MS
  const hosts = new Set(model.peers.flatMap(({ host }) => host ?? []))
  const pathIn = shortener(model.peers)
  const time = (createdAt: string) => span(timeOfDay(createdAt), isFresh(createdAt) ? 'bold' : 'dim')

  return {
    peers: [
      {
        title: '  NAME',
        of: ({ id, name, status }) =>
          span(
            `${id === leader ? '★' : STATUS_SIGN[status]} ${oneLine(name)}`,
            id === leader ? ['bold', 'green'] : NAME_STYLE[status],
          ),
        min: 18,
      },
      { title: 'AGENT', of: ({ agentType }) => span(oneLine(agentType)), min: 8 },
      ...(hosts.size > 1 ? [{ title: 'HOST', of: ({ host = '' }: Peer) => span(oneLine(host)), min: 6 }] : []),
      ...(isNarrow ? [] : [{ title: 'STATUS', of: (peer: Peer) => span(statusOf(peer, now), STATUS_STYLE[peer.status]) }]),
      { title: 'REACH', of: ({ reach }) => span(reach) },
      {
        title: 'UNREAD',
        align: 'right',
        of: ({ id }) => {
          const unread = model.unread.get(id)
          return unread?.count ? span(`${unread.count}${unread.more ? '+' : ''}`, 'yellow') : span(unread ? '·' : '', 'dim')
        },
      },
      { title: 'LOCKS', align: 'right', of: ({ id }) => (held.has(id) ? span(`${held.get(id)}`, 'magenta') : span('·', 'dim')) },
      { title: 'BRANCH', of: ({ gitBranch }) => span(oneLine(gitBranch ?? ''), 'cyan'), min: 6 },
      {
        title: 'SUMMARY',
        of: (peer) => {
          const status = isNarrow && peer.status !== 'active' ? [statusOf(peer, now)] : []
          return span([...status, oneLine(peer.summary)].join(' · '), status.length > 0 ? STATUS_STYLE[peer.status] : undefined)
        },
        min: 12,
        fills: true,
      },
    ],
    mail: [
      { of: ({ createdAt }) => time(createdAt), width: 8 },
      { of: ({ from, createdAt }) => span(oneLine(from), isFresh(createdAt) ? 'bold' : undefined), min: 8 },
      { of: ({ to }) => span(`→ ${oneLine(to)}`), min: 10 },
      { of: ({ read }) => span(read?.state ?? '', read ? STATE_STYLE[read.state] : undefined) },
      { of: (letter) => span(textIn(letter), textStyle(letter)), min: 10, fills: true },
    ],
    locks: [
      {
        align: 'right',
        of: ({ expiresAt }) => {
          const leftMs = Date.parse(expiresAt) - now
          const style = leftMs < VERY_SOON_MS ? 'red' : leftMs < SOON_MS ? 'yellow' : undefined
          return span(leftMs <= 0 ? 'over' : countdown(expiresAt, now), style)
        },
      },
      { of: ({ lockedBy, lockedAt }) => span(oneLine(lockedBy.name), isFresh(lockedAt) ? 'bold' : undefined), min: 8 },
      { of: ({ filePath }) => ({ text: oneLine(pathIn(filePath)), style: 'magenta', cut: 'start' }), min: 16 },
      { of: ({ reason }) => span(oneLine(reason)), min: 8, fills: true },
    ],
    events: [
      { of: ({ createdAt }) => time(createdAt), width: 8 },
      { of: ({ type, createdAt }) => span(oneLine(type), isFresh(createdAt) ? 'bold' : undefined), min: 12 },
      { of: ({ emittedBy }) => span(oneLine(emittedBy?.name ?? '')), min: 8 },
      { of: (event) => span(oneLine(detailOf(event, (id) => model.names.get(id) ?? id, pathIn)), 'dim'), min: 10, fills: true },
    ],
  }
}

const statusOf = ({ status, lastHeartbeat }: Peer, now: number) =>
  status === 'active' ? status : `${status} ${lasting(now - Date.parse(lastHeartbeat))}`

/** The first line that says something. */
function textIn({ read }: Letter): string {
  if (!read) return ''
  const lines = read.payload.split(/\r?\n/).filter((line) => line.trim() !== '')
  const marks = `${read.priority === 'urgent' ? '! ' : ''}${read.replyTo === null ? '' : '↩ '}${read.type === 'text' ? '' : `[${read.type}] `}`
  return `${marks}${oneLine(lines[0] ?? '')}${lines.length > 1 ? ' …' : ''}`
}

function textStyle({ read }: Letter): Style | undefined {
  const waits = read?.state === 'queued' || read?.state === 'notified'
  if (waits) return read.priority === 'urgent' || read.type === 'alert' ? ['bold', 'red'] : undefined
  return 'dim'
}
