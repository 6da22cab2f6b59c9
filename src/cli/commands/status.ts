import { existsSync } from 'node:fs'
import { fail } from '../../core/errors.ts'
import type { Leadership } from '../../core/leadership.ts'
import type { Output } from '../../core/operations.ts'
import type { Peer } from '../../core/peer.ts'
import { isGone } from '../../peer/process-identity.ts'
import { type Finding, runChecks, siteOf } from '../checks/check.ts'
import { damaged } from '../checks/damaged.ts'
import { silentLeader } from '../checks/leader.ts'
import { quickChecks } from '../checks/quick.ts'
import { showFindings } from '../checks/show.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { connect } from '../connect.ts'
import { EXIT_ABSENT, EXIT_OK } from '../failures.ts'
import { hostColumn } from '../host-column.ts'
import type { Mesh } from '../mesh.ts'
import { rowsIn } from '../rows.ts'
import { bytes } from '../sizes.ts'
import { type Column, pad, table } from '../table.ts'
import { paint, safe } from '../terminal.ts'
import { type Times, times } from '../times.ts'
import { urlOf } from '../url.ts'
import { wrap } from '../wrap.ts'

interface Options {
  absolute?: boolean
}

export const define: Define = (command, handle) => {
  command
    .option('--absolute', 'show dates and times instead of how long ago')
    .addHelpText(
      'after',
      `\nExit code 3 where nobody leads; what is stored is shown all the same.\n${examples('slm-mesh status', 'slm-mesh status --absolute', 'slm-mesh status --json | jq .leader')}`,
    )
    .action(handle(status))
}

/** A leader as the row names it, and the truth about it. */
interface Leader {
  readonly state: 'leads' | 'silent' | 'gone' | 'none'
  readonly name?: string
  readonly agentType?: string
  readonly pid?: number
  readonly port?: number | null
  readonly url?: string | null
  readonly since?: string
  /** Where nobody leads any more: when the last one was seen. */
  readonly until?: string | null
}

interface Seen {
  readonly counts: Output<'mesh.status'>
  readonly peers: readonly Peer[]
  readonly leader: Leader
  readonly problems: readonly Finding[]
  readonly mesh: Mesh
  readonly term: number
}

async function status(desk: Desk, { absolute = false }: Options): Promise<number> {
  const { layout, scope } = desk
  if (!existsSync(layout.database)) throw fail('not_found', { what: 'mesh yet in', id: layout.dataDir })
  // Looked at before connecting, which narrows a directory that is too open; and meanwhile, as a leader may hang.
  const site = siteOf(desk)
  const looking = runChecks(site, quickChecks)
  const mesh = await connect(desk, false)
  scope.defer(() => mesh[Symbol.asyncDispose]())
  const [counts, { peers }, findings] = await Promise.all([mesh.call('mesh.status', {}), mesh.call('peer.list', {}), looking])
  // Now: a damaged file may have been moved aside just for this look.
  findings.push(...(await runChecks(site, { damaged })))
  const row = mesh.row()
  const leader = leaderOf(desk, mesh.via, row, counts)
  if (leader.state === 'silent') findings.push(...(await runChecks(site, { leader: silentLeader })))
  const problems = findings.filter((finding) => finding.status === 'warn' || finding.status === 'fail')
  const seen: Seen = { counts, peers, leader, problems, mesh, term: row.term }
  desk.answer(documentOf(desk, seen), () => show(desk, seen, times(absolute, Date.now())).join('\n'))
  const outage = mesh.outage()
  if (outage !== null) desk.remark(safe(outage))
  return leader.state === 'leads' ? EXIT_OK : EXIT_ABSENT
}

function leaderOf(desk: Desk, via: Mesh['via'], row: Leadership, { leader: told }: Seen['counts']): Leader {
  const { peer } = row
  if (!peer) {
    if (!row.last) return { state: 'none' }
    return { state: 'none', name: row.last.name, since: iso(row.last.electedAt), until: lastSeen(desk, row.last.name) }
  }
  const { name, electedAt } = peer
  const known = {
    name,
    ...(told?.id === peer.id && { agentType: told.agentType }),
    ...{ pid: peer.process.pid, port: row.port, since: iso(electedAt) },
  }
  const url = row.port === null ? null : urlOf(desk.config.host, row.port)
  if (via === 'leader') return { state: 'leads', ...known, url }
  return isGone(peer.process) ? { state: 'gone', ...known, until: lastSeen(desk, name) } : { state: 'silent', ...known, url }
}

const outageOf = (mesh: Mesh) => {
  const outage = mesh.outage()
  return outage === null ? {} : { outage }
}

const iso = (ms: number) => new Date(ms).toISOString()

/** When that peer left, or gave its last sign. */
function lastSeen({ layout }: Desk, name: string): string | null {
  const row = rowsIn(layout.database).peers.find((peer) => peer.name === name)
  return row ? iso(row.left_at ?? row.heartbeat_at) : null
}

function documentOf({ layout }: Desk, { counts, peers, leader, problems, mesh, term }: Seen) {
  const { self, leader: _leader, ...rest } = counts
  return {
    ...{ via: mesh.via, why: mesh.why, ...outageOf(mesh), dataDir: layout.dataDir, term },
    leader: leader.state === 'leads' ? leader : null,
    ...(leader.state !== 'leads' && { last: leader }),
    unread: self.unread,
    ...rest,
    // After the counts, which have a field of that name: who they are says more.
    peers: { ...rest.peers, list: peers },
    problems,
  }
}

function show(desk: Desk, seen: Seen, time: Times): string[] {
  const { terminal, layout } = desk
  const { counts, peers, leader, problems } = seen
  const { messages, db, self } = counts
  const facts: [string, string][] = [
    ['Leader', wordsOf(leader, time)],
    ['', termOf(leader, seen.term, time)],
    ['Peers', `${counts.peers.active} active, ${counts.peers.stale} stale, ${counts.peers.away} away`],
    ['Messages', `${messages.total} stored, ${messages.unread} unread, ${messages.undelivered} not yet told of`],
    ['Locks', String(counts.locks)],
    ['Events', String(counts.events)],
    ['Database', `${bytes(db.sizeBytes)}, WAL ${bytes(db.walSizeBytes)}, in ${safe(layout.dataDir)}`],
    ['For you', self.unread === 0 ? 'no mail' : `${self.unread} unread: slm-mesh inbox cli`],
    ['Version', counts.version],
  ]
  const width = terminal.isTty ? terminal.size().columns - INDENT : Number.POSITIVE_INFINITY
  const lines = facts.map(
    ([name, value]) => paint(terminal, 'dim', pad(name, INDENT)) + wrap(value, width).replaceAll('\n', `\n${' '.repeat(INDENT)}`),
  )
  const here = peers.filter((peer) => peer.status !== 'away')
  if (here.length > 0) lines.push('', table(terminal, [...columnsFor(time), ...hostColumn(here)], here))
  if (problems.length > 0) lines.push('', showFindings(terminal, problems), '', 'slm-mesh doctor looks closer.')
  return lines
}

/** Where the values begin, after their names. */
const INDENT = 10

function wordsOf(leader: Leader, time: Times): string {
  if (leader.name === undefined) return 'nobody leads, and nobody has led yet'
  const name = safe(leader.name)
  const details = [leader.agentType && safe(leader.agentType), leader.pid !== undefined && `pid ${leader.pid}`]
  const who = `${name} (${details.filter(Boolean).join(', ')})`
  switch (leader.state) {
    case 'leads':
      return who
    case 'silent':
      return `${who} lives, but does not answer`
    case 'gone':
      return `nobody leads: the process of ${who} is gone; last seen ${leader.until ? time.past(leader.until) : 'at no known time'}`
    case 'none':
      return `nobody leads; ${name} led last${leader.until ? `, until ${time.past(leader.until)}` : ''}`
  }
}

function termOf({ since, url }: Leader, term: number, time: Times): string {
  const parts = [`term ${term}`, since && `since ${time.past(since)}`, url]
  return parts.filter(Boolean).join(', ')
}

const REACHED: { readonly [R in Peer['reach']]: string } = {
  wake: 'at once: it is woken',
  hooks: 'at its next step',
  poll: 'when it looks',
}

const columnsFor = (time: Times): readonly Column<Peer>[] => [
  { title: 'NAME', of: (peer) => peer.name, style: () => 'bold' },
  { title: 'AGENT', of: (peer) => peer.agentType },
  { title: 'STATUS', of: (peer) => peer.status, style: (peer) => (peer.status === 'active' ? 'green' : 'yellow') },
  { title: 'REACHED', of: (peer) => REACHED[peer.reach] },
  { title: 'SEEN', of: (peer) => time.past(peer.lastHeartbeat) },
  { title: 'PROJECT', of: (peer) => peer.projectPath, min: 12, cut: 'start' },
]
