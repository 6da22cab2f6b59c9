// A session is killed: until another is told that it has crashed; and where it led, until the next leader answers.
import { request } from 'node:http'
import { createServer } from 'node:net'
import { main, median, row, runsOr } from './figures.mjs'
import { environment, sessions } from './world.mjs'

const RUNS = runsOr(20, 5)

export async function crash() {
  const port = await freePort()
  const env = environment('crash', { SLM_MESH_PORT: String(port) })
  const all = await sessions(3, { env })
  const [detections, failovers] = [[], []]
  for (let run = 0; run < RUNS; run++) {
    // The newest follows, the oldest leads: one of each dies, and two others come.
    const [leader, watcher, follower] = all
    detections.push(await untilTold(watcher, follower))
    all.pop()
    all.push(...(await sessions(1, { env })))
    failovers.push(await untilServed(port, leader))
    all.shift()
    all.push(...(await sessions(1, { env })))
    await newest(all)
  }
  await Promise.all(all.map((session) => session.end()))
  return [
    row('kill -9 to another session being told, p50', median(detections), 'ms', { atMost: 25 }),
    row("kill -9 of the leader to the next one's /health, p50", median(failovers), 'ms', { atMost: 60 }),
  ]
}

/** Puts who leads first: the next to be killed as the leader. */
async function newest(all) {
  const { leader } = await all[0].tool('mesh_status')
  const at = all.findIndex((session) => session.name === leader.name)
  all.unshift(...all.splice(at, 1))
}

async function untilTold(watcher, victim) {
  const { cursor } = await watcher.tool('mesh_events', { action: 'read', limit: 1 })
  const told = watcher.tool('mesh_events', { action: 'read', since: cursor, types: ['peer_left'], wait: 20 })
  await watcher.tool('mesh_state', { action: 'list' }) // answered when the other one waits
  const startedAt = performance.now()
  victim.child.kill('SIGKILL')
  const { events } = await told
  const ms = performance.now() - startedAt
  if (events[0]?.payload.reason !== 'crashed') throw new Error(`told of ${JSON.stringify(events)}`)
  await victim.exited
  return ms
}

async function untilServed(port, leader) {
  const before = (await health(port)).term
  const startedAt = performance.now()
  leader.child.kill('SIGKILL')
  for (;;) {
    const now = await health(port).catch(() => undefined)
    if (now && now.term !== before) break
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const ms = performance.now() - startedAt
  await leader.exited
  return ms
}

const health = (port) =>
  new Promise((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, path: '/health', agent: false }, (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks))))
      response.on('error', reject)
    })
    asking.on('error', reject)
    asking.end()
  })

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

await main(import.meta, crash)
