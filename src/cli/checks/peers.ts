import { systemClock } from '../../core/clock.ts'
import { processOf } from '../../core/identity.ts'
import { span } from '../../core/visible.ts'
import { knock } from '../../peer/knock.ts'
import { isStill } from '../../peer/process-identity.ts'
import { isDead } from '../leftovers/dead-peers.ts'
import { type Check, type Found, ok, warn } from './check.ts'
import { stateOf } from './process-state.ts'

/** Do those who are here answer their doorbells? */

const KNOCK_MS = 700

export const peers: Check = async ({ config, rows }) => {
  const living = rows().peers.filter((row) => row.live === 1)
  const here = living.filter((row) => !isDead(row))
  const troubled = await Promise.all(
    here.map(async (row): Promise<readonly Found[]> => {
      const who = `${row.name}${row.pid ? ` (pid ${row.pid})` : ''}`
      const silentMs = systemClock.uptime() - row.heartbeat_uptime
      // A script has no doorbell of ours: it lives by its heartbeats.
      const answer = row.kind === 'script' || row.socket_path === null ? undefined : await knock(row.socket_path, KNOCK_MS)
      const isHere = isStill(processOf(row))
      if (isHere && row.pid && stateOf(row.pid) === 'stopped')
        return [warn(`${who} is stopped`, `kill -CONT ${row.pid}, or fg in its terminal`)]
      if (answer === 'silent') return [warn(`${who} does not answer its socket`, isHere ? `end it: kill ${row.pid}` : 'end it')]
      if (answer === 'refused' || answer === 'absent')
        return [warn(`${who} lives, but nobody listens at its socket`, 'it listens again within seconds; if not, end it')]
      return silentMs > config.staleMs
        ? [warn(`${who} has given no sign for ${span(silentMs)}`, 'it is given up when it stays silent')]
        : []
    }),
  )
  const found = troubled.flat()
  const gone = living.length - here.length
  if (gone > 0)
    found.push(
      warn(gone === 1 ? '1 row names a process that is gone' : `${gone} rows name processes that are gone`, 'slm-mesh clean'),
    )
  return found.length > 0 ? found : ok(here.length === 0 ? 'nobody is here' : `${here.length} here, and all answer`)
}
