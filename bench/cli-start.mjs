// How long simple commands take from start to end, as ratios to a floor that is measured in the same run: a bare Node
// that opens the same database with better-sqlite3 and reads one row. Medians of interleaved runs, so that a busy machine
// slows all of them alike; beside them the ratios of the fastest runs, which nothing has disturbed. `npm run build` first;
// `--runs 30`, `--json`.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { env, home, median, program, root, round, withSession } from './world.mjs'

/** The aim for a simple command. */
const AIM = 1.5

const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' }, json: { type: 'boolean', default: false } } })
const runs = Number(values.runs)

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

const results = {}
await withSession(async () => {
  if (start([program, 'state', 'set', 'key', 'value']).code !== 0) throw new Error('is dist/ built?')
  // Not every version has every command.
  for (const [name, args] of Object.entries(subjects)) if (start(args).code === 2) delete subjects[name]
  results['with a leader'] = measured()
})
results['without a leader'] = measured()
if (values.json) console.log(JSON.stringify({ node: process.version, runs, aim: AIM, results }, null, 2))
else for (const [title, rows] of Object.entries(results)) console.log(table(title, rows))

/** Medians in ms, and ratios to the floor. */
function measured() {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))
  for (let run = 0; run < runs; run++) for (const [name, args] of Object.entries(subjects)) times[name].push(start(args).ms)
  const floor = { median: median(times.floor), least: Math.min(...times.floor) }
  return Object.entries(times).map(([command, all]) => ({
    command,
    medianMs: round(median(all)),
    minMs: round(Math.min(...all)),
    ratio: round(median(all) / floor.median),
    leastRatio: round(Math.min(...all) / floor.least),
  }))
}

function start(args) {
  const startedAt = performance.now()
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  return { code: status, ms: performance.now() - startedAt }
}

function table(title, rows) {
  const line = ({ command, ...figures }) =>
    [command.padEnd(12), ...Object.values(figures).map((figure) => String(figure).padStart(9))].join(' ')
  const head = line({
    command: title === 'with a leader' ? 'led' : 'not led',
    medianMs: 'median ms',
    minMs: 'least ms',
    ratio: 'ratio',
    leastRatio: 'of least',
  })
  return `${title} (${runs} interleaved runs, aim ${AIM})\n${head}\n${rows.map(line).join('\n')}\n`
}
