// Eight sessions that do nothing, once their start is forgotten: time on a processor, context switches, memory. Beside them,
// eight servers with the same file open and a heartbeat a second, and eight that also look at what a session has to look at.
import { setTimeout as sleep } from 'node:timers/promises'
import { main, median, options, row } from './figures.mjs'
import { activity, environment, meshFile, privateMb, withBarePeers, withSessions } from './world.mjs'

const PEERS = 8
/** Node gives back what its start took within half a minute. */
const SETTLE_MS = options.quick ? 8_000 : 45_000
const WATCH_MS = options.quick ? 10_000 : 60_000

export async function idle() {
  const bare = await withBarePeers(PEERS, (...all) => atRest(all))
  const watching = await withBarePeers(PEERS, (...all) => atRest(all), await meshFile(PEERS))
  const mesh = await withSessions(PEERS, { env: environment('idle') }, (...all) => atRest(all))
  return [
    row(`${PEERS} idle sessions, of one core`, mesh.cpu, '%', { floor: ['bare peers', bare.cpu], atMost: 0.3 }),
    row('the same of bare peers that look at what we look at', watching.cpu, '%', { floor: ['bare peers', bare.cpu] }),
    row('context switches of an idle session', mesh.switches, '/s', { floor: ['bare peers', bare.switches] }),
    row('private memory of an idle session', mesh.memory, 'MB', { floor: ['bare peers', bare.memory] }),
  ]
}

async function atRest(all) {
  await sleep(SETTLE_MS)
  const before = all.map(({ pid }) => activity(pid))
  const startedAt = performance.now()
  await sleep(WATCH_MS)
  const seconds = (performance.now() - startedAt) / 1000
  const after = all.map(({ pid }) => activity(pid))
  const grown = (what) => after.map((now, i) => (now[what] - before[i][what]) / seconds)
  return {
    cpu: grown('cpuMs').reduce((sum, ms) => sum + ms, 0) / 10,
    switches: median(grown('switches')),
    memory: median(all.map(({ pid }) => privateMb(pid))),
  }
}

await main(import.meta, idle)
