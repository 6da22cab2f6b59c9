import { monotonicMs } from '../../core/clock.ts'
import { processOf } from '../../core/identity.ts'
import type { PeerRow, ProcessRef } from '../../core/peer.ts'
import { sleep } from '../../core/scope.ts'
import { isGone, isStill } from '../../peer/process-identity.ts'
import type { Ground, Leftover } from './leftover.ts'

/**
 * MCP servers whose agent is gone. Such a server ends by itself within a second or so; one that does not hangs, or is
 * stopped, and may keep locks or the leadership.
 *
 * Ours it is only where its own row says so: a session, with the pid, start time and boot that it wrote itself, in our
 * pid namespace, and the parent that it recorded is provably gone. A name in a process list proves nothing. All of that
 * is looked at anew directly before each signal.
 */

/** How long an orphan may take to notice by itself that its parent is gone. */
const BY_ITSELF_MS = 2_500
/** How long saying goodbye may take after SIGTERM. */
const GOODBYE_MS = 1_000
const LOOK_EVERY_MS = 20

export function findZombies({ rows }: Ground): Leftover[] {
  return rows.peers.filter(isZombie).map((row) => {
    const pid = row.pid ?? 0
    return {
      kind: 'zombie',
      what: `MCP process ${pid} of ${row.name}, whose agent is gone`,
      facts: { name: row.name, pid, parentPid: row.parent_pid ?? 0 },
      clear: () => endZombie(row),
    }
  })
}

function isZombie(row: PeerRow): boolean {
  if (row.kind !== 'session' || row.parent_pid == null || row.parent_start == null) return false
  const process = processOf(row)
  // The parent recorded is of the same boot and namespace as its child.
  const parent: ProcessRef = { ...process, pid: row.parent_pid, startedAt: row.parent_start }
  return isStill(process) && isGone(parent)
}

/** SIGTERM where it has not ended by itself, SIGKILL where it does not obey. Says how it went. */
async function endZombie(row: PeerRow): Promise<boolean | string> {
  const that = processOf(row)
  if (await endsWithin(that, BY_ITSELF_MS)) return 'it ended by itself'
  if (!signal(row, 'SIGTERM')) return false
  // A stopped process obeys only once it goes on.
  signal(row, 'SIGCONT')
  if (await endsWithin(that, GOODBYE_MS)) return true
  if (!signal(row, 'SIGKILL')) return true
  return (await endsWithin(that, GOODBYE_MS)) ? 'killed, as it did not obey' : false
}

/** False where it is no longer a zombie of ours, or must not be touched. */
function signal(row: PeerRow, name: NodeJS.Signals): boolean {
  if (!isZombie(row)) return false
  try {
    return process.kill(row.pid ?? 0, name)
  } catch {
    return false // gone in this moment, or not ours to end
  }
}

async function endsWithin(that: ProcessRef, ms: number): Promise<boolean> {
  for (const until = monotonicMs() + ms; monotonicMs() < until; ) {
    if (!isStill(that)) return true
    await sleep(LOOK_EVERY_MS, undefined, true)
  }
  return !isStill(that)
}
