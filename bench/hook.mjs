// How long a hook's process takes from start to end, over a bare Node in the same run: with a session's peer that answers,
// and where there is no mesh. Medians of interleaved runs, so that a busy machine slows all of them alike; the time that a
// process had the processor beside them, which a busy machine changes less. `npm run build` first; `--runs 30`, `--json`.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { env, home, median, program, root, round, withSession } from './world.mjs'

/** What a hook may take over a bare Node. */
const AIM_MS = 50

const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' }, json: { type: 'boolean', default: false } } })
const runs = Number(values.runs)

const command = '*** Begin Patch\n*** Update File: a.ts\n*** End Patch'
const input = JSON.stringify({ session_id: 't', cwd: root, tool_name: 'apply_patch', tool_input: { command } })
const hook = [program, 'hook', 'codex', 'PreToolUse']
const subjects = {
  'node -e 0': ['-e', '0'],
  'a peer answers': hook,
  'no mesh': [...hook, '--data-dir', join(home, 'none')],
}

await withSession(measure, { client: 'codex-mcp-client', meta: { threadId: 't' } })

function measure() {
  const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, { ms: [], cpuMs: [] }]))
  for (let run = 0; run < runs; run++)
    for (const [name, args] of Object.entries(subjects)) {
      const { ms, cpuMs } = start(args)
      times[name].ms.push(ms)
      times[name].cpuMs.push(cpuMs)
    }
  const floor = times['node -e 0']
  const rows = Object.entries(times).map(([subject, { ms, cpuMs }]) => ({
    subject,
    medianMs: round(median(ms), 1),
    leastMs: round(Math.min(...ms), 1),
    overMs: round(median(ms) - median(floor.ms), 1),
    leastOverMs: round(Math.min(...ms) - Math.min(...floor.ms), 1),
    cpuOverMs: round(median(cpuMs) - median(floor.cpuMs), 1),
  }))
  if (values.json) console.log(JSON.stringify({ node: process.version, runs, aimMs: AIM_MS, rows }, null, 2))
  else {
    console.log(`${runs} interleaved runs, aim ${AIM_MS} ms over a bare Node`)
    console.table(rows)
  }
}

function start(args) {
  const [startedAt, before] = [performance.now(), childrenCpuMs()]
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, env, input, stdio: ['pipe', 'pipe', 'inherit'] })
  const ms = performance.now() - startedAt
  if (status !== 0 || (args !== subjects['node -e 0'] && stdout.toString() !== '{}\n'))
    throw new Error(`${args}: ${status} ${stdout}`)
  return { ms, cpuMs: childrenCpuMs() - before }
}

/** Of the children that have ended; 0 where the system does not tell. */
function childrenCpuMs() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ')
    return (Number(fields[13]) + Number(fields[14])) * 10
  } catch {
    return 0
  }
}
