// One message to all: until the last of the receivers' waiting calls has answered with it.
import { main, median, row, runsOr } from './figures.mjs'
import { environment, withSessions } from './world.mjs'

const RUNS = runsOr(40, 8)
const CROWDS = [2, 8, 32]

export async function broadcast() {
  const rows = []
  for (const crowd of CROWDS) {
    const lasts = []
    await withSessions(crowd + 1, { env: environment(`broadcast-${crowd}`) }, async (sender, ...receivers) => {
      for (let run = -2; run < RUNS; run++) {
        const waits = receivers.map((receiver) => receiver.tool('mesh_inbox', { wait: 20 }).then(() => performance.now()))
        // A later call of the same client is answered first: by then all wait.
        await Promise.all(receivers.map((receiver) => receiver.tool('mesh_state', { action: 'list' })))
        const startedAt = performance.now()
        await sender.tool('mesh_send', { to: 'all', message: 'the schema has changed' })
        const last = Math.max(...(await Promise.all(waits)))
        // The first runs open the links.
        if (run >= 0) lasts.push(last - startedAt)
      }
    })
    rows.push(row(`broadcast to ${crowd}: the last has it, p50`, median(lasts), 'ms', crowd === 32 ? { atMost: 10 } : {}))
  }
  return rows
}

await main(import.meta, broadcast)
