import { existsSync } from 'node:fs'
import { monotonicMs } from '../core/clock.ts'
import type { Config } from '../core/config.ts'
import { isFailure } from '../core/errors.ts'
import { processOf } from '../core/identity.ts'
import type { Leadership } from '../core/leadership.ts'
import type { Layout } from '../core/paths.ts'
import type { PeerRow } from '../core/peer.ts'
import { sleep } from '../core/scope.ts'
import { BUSY_DEADLINE_MS } from '../core/sqlite/sqlite-errors.ts'
import { isGone } from '../peer/process-identity.ts'
import { type Rows, rowsIn } from './rows.ts'
import { safe } from './terminal.ts'
import { urlOf } from './url.ts'

/** Headless peers as start and stop see them, and the words that both have for who leads. */

export const isHeadless = (row: PeerRow) => row.kind === 'headless' && isLiving(row)

/** A process stands behind it: as far as anybody can tell. */
export const isLiving = (row: PeerRow) => row.live === 1 && !isGone(processOf(row))

/** The rows of a mesh that may not be there yet. Waits while a new file is being set up: nobody else may read it then. */
export async function rowsOf({ database }: Layout): Promise<Rows | undefined> {
  for (const until = monotonicMs() + BUSY_DEADLINE_MS; ; ) {
    try {
      return existsSync(database) ? rowsIn(database) : undefined
    } catch (error) {
      if (!isFailure(error, 'busy') || monotonicMs() > until) throw error
      await sleep(5, undefined, true)
    }
  }
}

/** A peer in documents for programs. */
export const shown = ({ id, name, pid }: PeerRow) => ({ id, name, pid })

export type Leader = ReturnType<typeof leaderOf>

/** Who leads and where it serves, for programs; null while nobody does. */
export function leaderOf({ peer, term, port }: Leadership, { host }: Pick<Config, 'host'>) {
  if (!peer || isGone(peer.process)) return null
  const url = port === null ? null : urlOf(host, port)
  return { id: peer.id, name: peer.name, pid: peer.process.pid, term, port, url }
}

/** … and for people. */
export const leads = ({ name, pid, term, url }: NonNullable<Leader>) =>
  `${safe(name)} (pid ${pid}) leads in term ${term}${url === null ? '' : `: REST on ${url}`}`
