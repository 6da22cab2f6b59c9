// How long simple commands take from start to end, beside a bare Node that opens the same database with better-sqlite3 and
// reads one row. Medians of interleaved runs, so that a busy machine slows all of them alike.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { main, median, row, runsOr } from './figures.mjs'
import { env, home, program, root, withSessions } from './world.mjs'

const RUNS = runsOr(30, 5)
/** The aim for a simple command; `status` asks doctor's questions as well. */
const AIM = { peers: 1.5, 'state get': 1.5, version: 1.5 }

const FLOOR = `const Native = require('better-sqlite3')
const database = new Native(process.argv[1])
database.pragma('journal_mode = WAL')
database.prepare('SELECT term FROM leader').get()
database.close()`

const subjects = {
  'node -e 0': ['-e', '0'],
  floor: ['-e', FLOOR, join(home, 'mesh', 'mesh.db')],
  version: [program, 'version'],
  peers: [program, 'peers', '--all'],
  'state get': [program, 'state', 'get', 'key'],
  status: [program, 'status'],
}

export async function cliStart() {
  const led = await withSessions(1, {}, async () => {
    if (start([program, 'state', 'set', 'key', 'value']).code !== 0) throw new Error('is dist/ built?')
    return measured('with a leader')
  })
  return [...led, ...measured('without one')]
}

function measured(when) {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))
  for (let run = 0; run < RUNS; run++) for (const [name, args] of Object.entries(subjects)) times[name].push(start(args).ms)
  const floor = ['Node + open', median(times.floor)]
  return Object.entries(times)
    .filter(([name]) => name !== 'floor')
    .map(([name, all]) => row(`${name}, ${when}`, median(all), 'ms', { floor, ...(AIM[name] && { ratio: AIM[name] }) }))
}

function start(args) {
  const startedAt = performance.now()
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  return { code: status, ms: performance.now() - startedAt }
}

await main(import.meta, cliStart)
