// Runs test/faults and the random schedules with all that was promised, and prints one table of what was counted. It fails where a test failed,
// or where a row has no test or no figure. Options: --quick (the suite's own counts), --rows 1,15,schedule (only these),
// --json FILE (the table as data), --write (puts the table into RELIABILITY.md).
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, platform, release, tmpdir, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'

const SCHEDULE = 'schedule'
const ROWS = [...Array.from({ length: 33 }, (_, i) => i + 1), SCHEDULE]
const FOLDERS = ['test/faults', 'test/schedule']
const PAGE = 'RELIABILITY.md'
const MARKS = ['<!-- figures: made by `npm run test:faults -- --write` -->', '<!-- end of figures -->']

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rows: { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const rows = options.rows === undefined ? ROWS : options.rows.split(',').map((row) => (row === SCHEDULE ? row : Number(row)))
const strange = rows.filter((row) => !ROWS.includes(row))
if (strange.length > 0) {
  console.error(`faults: --rows takes numbers from 1 to ${ROWS.length - 1} and ${SCHEDULE}, not ${options.rows}`)
  process.exit(2)
}

const rowOf = (path) => {
  const name = path.replaceAll('\\', '/')
  return name.endsWith(`/random-${SCHEDULE}.test.ts`) ? SCHEDULE : Number(/\/(\d\d)-[^/]*\.test\.ts$/.exec(name)?.[1])
}
const allFiles = FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`)).filter((name) =>
  ROWS.includes(rowOf(name)),
)
const files = allFiles.filter((name) => rows.includes(rowOf(name)))
const scratch = mkdtempSync(join(tmpdir(), 'slm-mesh-faults-'))
const figuresFile = join(scratch, 'figures.jsonl')
const outcomesFile = join(scratch, 'outcomes.json')
const started = Date.now()
let status = 1
try {
  status = await main()
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.exitCode = status

async function main() {
  if ((await run(process.execPath, ['scripts/build.mjs'])) !== 0) return 1
  await run(
    process.execPath,
    [
      ...['node_modules/vitest/vitest.mjs', 'run', ...files, '--maxWorkers=2'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${outcomesFile}`],
    ],
    { SLM_MESH_FIGURES: figuresFile, ...(!options.quick && { SLM_MESH_FAULTS: 'full' }) },
  )
  const entries = rows.map(entryOf(outcomes(), figures()))
  const data = { ...where(), rows: entries }
  const table = render(entries)
  console.info(`\n${headline(data)}\n\n${table}`)
  if (options.json) writeFileSync(options.json, `${JSON.stringify(data, null, 2)}\n`)
  if (options.write) writePage(`${headline(data)}\n\n${table}`)
  const bad = entries.filter(({ outcome }) => outcome !== 'passed')
  for (const { row, outcome } of bad) console.error(`faults: row ${row}: ${outcome}`)
  return bad.length === 0 ? 0 : 1
}

function run(command, args, env = {}) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  return new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)))
}

/** Row → how its tests ended. */
function outcomes() {
  const found = new Map()
  if (!existsSync(outcomesFile)) return found
  for (const file of JSON.parse(readFileSync(outcomesFile, 'utf8')).testResults) {
    const counts = found.get(rowOf(file.name)) ?? { passed: 0, failed: 0, skipped: 0 }
    for (const { status } of file.assertionResults)
      counts[status === 'passed' ? 'passed' : status === 'failed' ? 'failed' : 'skipped']++
    if (file.status === 'failed' && file.assertionResults.length === 0) counts.failed++ // it did not even load
    found.set(rowOf(file.name), counts)
  }
  return found
}

function figures() {
  if (!existsSync(figuresFile)) return []
  const lines = readFileSync(figuresFile, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line))
}

function entryOf(outcomes, figures) {
  return (row) => {
    const mine = figures.filter((figure) => figure.row === row)
    const { passed = 0, failed = 0, skipped = 0 } = outcomes.get(row) ?? {}
    const outcome =
      failed > 0
        ? `failed (${failed} of ${passed + failed})`
        : passed === 0 && skipped > 0
          ? 'skipped'
          : passed === 0
            ? 'no test'
            : mine.length === 0
              ? 'no figure'
              : 'passed'
    return {
      row,
      title: titleOf(row),
      outcome,
      tests: passed + failed,
      skipped,
      figures: mine.map(({ row: _row, ...rest }) => rest),
    }
  }
}

function titleOf(row) {
  const name = allFiles.find((file) => rowOf(file) === row)
  return name
    ? basename(name)
        .replace(/^\d\d-|\.test\.ts$/g, '')
        .replaceAll('-', ' ')
    : '(none)'
}

function where() {
  const gib = Math.round(totalmem() / 2 ** 30)
  return {
    date: new Date(started).toISOString().slice(0, 10),
    machine: `${platform()} ${release()}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${gib} GiB`,
    node: process.version,
    counts: options.quick ? 'quick' : 'full',
    minutes: Math.round((Date.now() - started) / 6_000) / 10,
  }
}

function headline({ date, machine, node, counts, minutes }) {
  const part = rows.length < ROWS.length ? `, rows ${rows.join(', ')} only` : ''
  return `${date}; ${machine}; Node ${node}; ${counts} counts${part}; ${minutes} min.`
}

function render(entries) {
  const head = ['row', 'fault', 'load', 'injected', 'acknowledged', 'lost', 'duplicated', 'double holders', 'more', 'outcome']
  const lines = entries.flatMap(({ row, title, outcome, figures }) =>
    (figures.length > 0 ? figures : [{}]).map((figure, i) => {
      const { load, injected, acknowledged, lost, duplicated, doubleHolders, more } = figure
      return [
        i === 0 ? row : '',
        i === 0 ? title : '',
        load,
        injected,
        acknowledged,
        lost,
        duplicated,
        doubleHolders,
        more,
        i === 0 ? outcome : '',
      ]
    }),
  )
  const line = (cells) => `| ${cells.map((cell) => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...lines.map(line)].join('\n')
}

function writePage(text) {
  const page = readFileSync(PAGE, 'utf8')
  const [from, to] = MARKS.map((mark) => page.indexOf(mark))
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for the figures: ${MARKS.join(' … ')}`)
  writeFileSync(PAGE, `${page.slice(0, from)}${MARKS[0]}\n\n${text}\n\n${page.slice(to)}`)
}
