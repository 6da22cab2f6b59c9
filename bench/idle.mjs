// Eight sessions that do nothing, once their start is forgotten: time on a processor, context switches, memory.
import { setTimeout as sleep } from 'node:timers/promises'
import { main, median, options, row } from './figures.mjs'
import { activity, environment, privateMb, withSessions } from './world.mjs'

const PEERS = 8
/** Node gives back what its start took within half a minute. */
const SETTLE_MS = options.quick ? 8_000 : 45_000
const WATCH_MS = options.quick ? 10_000 : 60_000

export function idle() {
  return withSessions(PEERS, { env: environment('idle') }, async (...all) => {
    await sleep(SETTLE_MS)
    const before = all.map(({ pid }) => activity(pid))
    const startedAt = performance.now()
    await sleep(WATCH_MS)
    const seconds = (performance.now() - startedAt) / 1000
    const after = all.map(({ pid }) => activity(pid))
    const grown = (what) => after.map((now, i) => (now[what] - before[i][what]) / seconds)
    const cpu = grown('cpuMs').reduce((sum, ms) => sum + ms, 0) / 10
    return [
      row(`${PEERS} idle sessions, of one core`, cpu, '%', { atMost: 0.3 }),
      row('context switches of an idle session', median(grown('switches')), '/s'),
      row('private memory of an idle session', median(all.map(({ pid }) => privateMb(pid))), 'MB'),
    ]
  })
}

await main(import.meta, idle)
