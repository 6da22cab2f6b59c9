// From spawn to the list of tools, and the memory of a session that does nothing, beside the least MCP server.
import { setTimeout as sleep } from 'node:timers/promises'
import { main, median, options, row, runsOr } from './figures.mjs'
import { Session } from './mcp.mjs'
import { emptyServer, environment, privateMb, program } from './world.mjs'

const RUNS = runsOr(20, 5)
/** Node gives back what its start took within half a minute. */
const SETTLE_MS = options.quick ? 5_000 : 45_000

export async function start() {
  const floor = await emptyServer()
  const subjects = { floor: [floor], mesh: [program, 'mcp'] }
  const times = { floor: [], mesh: [] }
  for (let run = 0; run < RUNS; run++)
    for (const [name, args] of Object.entries(subjects)) {
      const session = new Session(args, environment('start'))
      await session.initialize()
      await session.ask('tools/list', {})
      times[name].push(performance.now() - session.startedAt)
      await session.end()
    }

  const idle = { floor: [], mesh: [] }
  for (let i = 0; i < 4; i++)
    for (const [name, args] of Object.entries(subjects)) {
      const session = new Session(args, environment('memory'))
      await session.initialize()
      await session.ask('tools/list', {})
      if (name === 'mesh') await session.tool('mesh_status')
      idle[name].push(session)
    }
  await sleep(SETTLE_MS)
  const memory = (name) => median(idle[name].map(({ pid }) => privateMb(pid)))
  // The first to come leads, and holds what only a leader loads.
  const [leader, ...followers] = idle.mesh
  const floorMb = memory('floor')
  const rows = [
    row('spawn to tools/list', median(times.mesh), 'ms', { floor: ['SDK server', median(times.floor)], ratio: 1.25 }),
    row('private memory, idle peer', median(followers.map(({ pid }) => privateMb(pid))), 'MB', {
      floor: ['SDK server', floorMb],
      ratio: 1.35,
    }),
    row('private memory, idle leader', privateMb(leader.pid), 'MB', { floor: ['SDK server', floorMb] }),
  ]
  await Promise.all([...idle.floor, ...idle.mesh].map((session) => session.end()))
  return rows
}

await main(import.meta, start)
