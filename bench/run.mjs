// All benches, one after the other, each in a process of its own: a table, and with --json FILE the figures as JSON.
// --quick takes a tenth of the time and proves little; --only calls,idle runs some; --write puts the tables into
// PERFORMANCE.md. `npm run bench` builds first. Takes about ten minutes.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { table } from './figures.mjs'

/** What each shows, in the order in which a reader asks. */
const benches = {
  start: 'A session: start and memory',
  calls: 'Calls, as the client of a session sees them',
  broadcast: 'One message to all',
  senders: 'Many senders',
  crash: 'When a process dies',
  'cli-start': 'Commands, from start to end',
  hook: "A hook of an agent's",
  dashboard: 'The dashboard, in a browser',
  idle: 'At rest',
  growth: 'When much is stored',
  engines: 'The embedded file and NATS, side by side',
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const chosen = values.only?.split(',') ?? Object.keys(benches)
for (const name of chosen)
  if (!(name in benches)) throw new Error(`there is no bench ${name}; there are ${Object.keys(benches).join(', ')}`)

const here = fileURLToPath(new URL('.', import.meta.url))
const machine = {
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: here, encoding: 'utf8' }).trim(),
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  cpu: cpus()[0]?.model.trim(),
  cores: availableParallelism(),
  memoryGb: Math.round(totalmem() / 2 ** 30),
}
const heading = `${machine.date.slice(0, 16)}Z, ${machine.commit}, Node ${machine.node}, ${machine.cores} cores (${machine.cpu}), ${machine.platform}`
console.log(`${heading}\n`)

const results = {}
for (const name of chosen) {
  const startedAt = performance.now()
  results[name] = await run(name)
  console.log(
    `${benches[name]} (bench/${name}.mjs, ${Math.round((performance.now() - startedAt) / 1000)} s)\n${table(results[name])}\n`,
  )
}
const missed = Object.values(results)
  .flat()
  .filter(({ met }) => met === false)
const aimed = Object.values(results)
  .flat()
  .filter(({ met }) => met !== undefined)
console.log(`${aimed.length - missed.length} of ${aimed.length} aims met.`)

if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, quick: values.quick, results }, null, 2)}\n`)
if (values.write) {
  const path = join(here, '../PERFORMANCE.md')
  const [begin, end] = ['<!-- figures: npm run bench -- --write -->', '<!-- /figures -->']
  const page = readFileSync(path, 'utf8')
  const tables = chosen.map((name) => `### ${benches[name]}\n\n${table(results[name])}`)
  const [before, after] = [page.indexOf(begin) + begin.length, page.indexOf(end)]
  writeFileSync(path, `${page.slice(0, before)}\n\n${heading}\n\n${tables.join('\n\n')}\n\n${page.slice(after)}`)
}

function run(name) {
  const args = [join(here, `${name}.mjs`), '--json', ...(values.quick ? ['--quick'] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks = []
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(Buffer.concat(chunks).toString()))
      else reject(new Error(`bench/${name}.mjs ended with ${code}`))
    })
  })
}
