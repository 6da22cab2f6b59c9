import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isGone } from '../../peer/process-identity.ts'
import type { Rows } from '../rows.ts'
import { isDead } from './dead-peers.ts'
import type { Ground, Leftover } from './leftover.ts'

/**
 * What leaders left behind: guard directories of terms that are over, and a claim to lead whose process is gone. The
 * claim is for living peers to end, by electing another; only where none is left is it ended here. A directory of a term
 * to come belongs to an election that runs at this moment.
 */

/** The claim in the leader's row, where nobody is left to take it over. */
export function findClaim({ rows, store }: Ground): Leftover[] {
  const { peer, term } = rows.leadership
  if (!peer || !isClaimOver(rows)) return []
  return [
    {
      kind: 'leadership',
      what: `claim of ${peer.name}, whose process ${peer.process.pid} is gone, to lead term ${term}`,
      facts: { name: peer.name, term, pid: peer.process.pid },
      async clear() {
        const { leadership } = await store()
        // By term and socket: whoever was elected meanwhile keeps the office.
        await leadership.resign(term, peer.socketPath)
        const now = leadership.read()
        return now.term === term && now.peer === null
      },
    },
  ]
}

const isClaimOver = ({ leadership: { peer }, peers }: Rows) =>
  peer !== null && isGone(peer.process) && !peers.some((row) => row.live === 1 && !isDead(row))

export function findGuards({ layout, rows }: Ground): Leftover[] {
  const { term, peer } = rows.leadership
  // Nobody holds the office of a vacant term, nor where its claim goes as well.
  const over = peer === null || isClaimOver(rows) ? term : term - 1
  return guardsIn(layout.dataDir)
    .filter((guard) => guard.term <= over)
    .map(({ name, term: of }) => ({
      kind: 'guard',
      what: `lock directory ${name} of a term that is over`,
      facts: { path: join(layout.dataDir, name), term: of },
      async clear() {
        // Whatever somebody has put there instead, too; of a link, only the link.
        rmSync(join(layout.dataDir, name), { recursive: true, force: true })
        return true
      },
    }))
}

const guardsIn = (dataDir: string) =>
  readdirSync(dataDir).flatMap((name) => {
    const term = /^leader\.(\d{1,15})\.lock$/.exec(name)?.[1]
    return term === undefined ? [] : [{ name, term: Number(term) }]
  })
