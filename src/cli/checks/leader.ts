import { statSync } from 'node:fs'
import { join } from 'node:path'
import { span } from '../../core/visible.ts'
import { isGone } from '../../peer/process-identity.ts'
import { findLeader, leaderRow } from '../find-leader.ts'
import { isDead } from '../leftovers/dead-peers.ts'
import { bad, type Check, type Found, NO_MESH, ok, type Site, warn } from './check.ts'
import { stateOf } from './process-state.ts'

/** Does somebody lead, and does that process answer and prove itself? */
export const leader: Check = async (site) => {
  const { has, rows } = site
  if (!has.database) return ok(NO_MESH)
  const { leadership, peers } = rows()
  const living = peers.filter((row) => row.live === 1 && !isDead(row)).length
  const { peer, term, port } = leadership
  if (!peer || isGone(peer.process)) {
    const last = leadership.last ? `; ${leadership.last.name} led last` : ''
    return living === 0
      ? ok(`nobody leads, as nobody is here${last}`)
      : warn(`nobody leads, though ${living} are here${last}`, 'it takes a moment; if it lasts, see the write lock and the disk')
  }
  const found = await findLeader(site)
  found.client?.close()
  const now = found.client?.term ?? leaderRow(site.layout.database).term
  if (now !== term) return ok(`leadership is changing: term ${now} has begun`)
  const { pid } = peer.process
  return found.client
    ? ok(`${peer.name} (pid ${pid}) leads term ${term}, answers on port ${port} and proves itself`)
    : silentLeader(site)
}

/** Of a leader whose process lives, once it is known that it does not answer. */
export const silentLeader: Check = (site) => {
  const { leadership, peers } = site.rows()
  const { peer, term } = leadership
  if (!peer) return ok('leadership is changing')
  const { pid } = peer.process
  const living = peers.filter((row) => row.live === 1 && !isDead(row)).length
  return judgeSilent({ name: peer.name, pid, term, state: stateOf(pid), silentMs: silenceOf(site, term), living })
}

export interface Silent {
  readonly name: string
  readonly pid: number
  readonly term: number
  readonly state: string | undefined
  /** Since when its guard has not moved; undefined where that is not known. */
  readonly silentMs: number | undefined
  readonly living: number
}

/** A guard that moves is a loop that runs. */
const QUIET_MS = 3_000

/** What to say of a leader that lives and does not answer. Pure. */
export function judgeSilent({ name, pid, term, state, silentMs, living }: Silent): Found {
  const who = `${name} (pid ${pid}), leader of term ${term},`
  const since = silentMs === undefined ? '' : ` for ${span(silentMs)}`
  if (state === 'stopped') return bad(`${who} is stopped, and has given no sign${since}`, `kill -CONT ${pid}`)
  const others = living > 1 ? 'another session takes over within seconds; if not, end it' : 'end it'
  if (silentMs === undefined || silentMs > QUIET_MS)
    return bad(`${who} hangs, and has given no sign${since}`, `${others}: kill ${pid}`)
  return warn(
    `${who} lives, but does not answer over HTTP`,
    `the mesh goes on without; if it lasts, end that session: kill ${pid}`,
  )
}

function silenceOf({ layout }: Site, term: number): number | undefined {
  const stat = statSync(join(layout.dataDir, `leader.${term}.lock`), { throwIfNoEntry: false })
  return stat && Math.max(0, Date.now() - stat.mtimeMs)
}
