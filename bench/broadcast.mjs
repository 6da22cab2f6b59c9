// One message to all: until the last of the receivers' waiting calls has answered with it. Beside it, the same of peers that
// do no more than store, ring, read and answer: what so many processes take to wake on this machine.
import { main, median, row, runsOr } from './figures.mjs'
import { environment, meshFile, withBarePeers, withSessions } from './world.mjs'

const RUNS = runsOr(40, 8)
const CROWDS = [2, 8, 32]

export async function broadcast() {
  const rows = []
  for (const crowd of CROWDS) {
    const bare = await withBarePeers(crowd + 1, among('send', 'wait'))
    const same = await withBarePeers(crowd + 1, among('store', 'waitStored'), await meshFile(crowd + 1))
    const env = environment(`broadcast-${crowd}`)
    const ms = await withSessions(crowd + 1, { env }, (sender, ...receivers) =>
      lastOf(receivers, {
        wait: (receiver) => receiver.tool('mesh_inbox', { wait: 20 }),
        settle: (receiver) => receiver.tool('mesh_state', { action: 'list' }),
        send: () => sender.tool('mesh_send', { to: 'all', message: 'the schema has changed' }),
      }),
    )
    const aim = crowd === 32 ? { atMost: 10 } : {}
    rows.push(
      row(`broadcast to ${crowd}: the last has it, p50`, ms, 'ms', { floor: ['bare peers', bare], ...aim }),
      row('the same among bare peers that store what we store, p50', same, 'ms', { floor: ['bare peers', bare] }),
    )
  }
  return rows
}

/** Among bare peers, the first of which sends by one of their tools, while the others wait by another. */
const among =
  (send, wait) =>
  (sender, ...receivers) =>
    lastOf(receivers, {
      wait: (receiver) => receiver.tool(wait),
      settle: (receiver) => receiver.tool('nothing'),
      send: () => sender.tool(send, { to: receivers.map((_, i) => i + 1), body: 'the schema has changed' }),
    })

/** The median over the runs, from the send until the last receiver's client has its answer. */
async function lastOf(receivers, { wait, settle, send }) {
  const lasts = []
  for (let run = -2; run < RUNS; run++) {
    const waits = receivers.map((receiver) => wait(receiver).then(() => performance.now()))
    // A later call of the same client is answered first: by then all wait.
    await Promise.all(receivers.map(settle))
    const startedAt = performance.now()
    await send()
    const last = Math.max(...(await Promise.all(waits)))
    // The first runs open the links.
    if (run >= 0) lasts.push(last - startedAt)
  }
  return median(lasts)
}

await main(import.meta, broadcast)
