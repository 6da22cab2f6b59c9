// How long a hook's process takes from start to end, over a bare Node in the same run: with a session's peer that answers,
// and where there is no mesh. Medians of interleaved runs, so that a busy machine slows all of them alike; the time that a
// process had the processor beside them, which a busy machine changes less. `npm run build` first; `--runs 30`, `--json`.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** What a hook may take over a bare Node. */
const AIM_MS = 50

const { values } = parseArgs({ options: { runs: { type: 'string', default: '30' }, json: { type: 'boolean', default: false } } })
const runs = Number(values.runs)
const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'dist/slm-mesh.js')
const home = mkdtempSync(join(tmpdir(), 'slm-mesh-bench-'))
const env = { PATH: process.env.PATH, HOME: home, SLM_MESH_DATA_DIR: join(home, 'mesh'), SLM_MESH_PORT: '0' }

const command = '*** Begin Patch\n*** Update File: a.ts\n*** End Patch'
const input = JSON.stringify({ session_id: 't', cwd: root, tool_name: 'apply_patch', tool_input: { command } })
const hook = [program, 'hook', 'codex', 'PreToolUse']
const subjects = {
  'node -e 0': ['-e', '0'],
  'a peer answers': hook,
  'no mesh': [...hook, '--data-dir', join(home, 'none')],
}

const session = spawn(process.execPath, [program, 'mcp'], { cwd: root, env, stdio: ['pipe', 'pipe', 'ignore'] })
try {
  await joinMesh()
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
    medianMs: round(median(ms)),
    leastMs: round(Math.min(...ms)),
    overMs: round(median(ms) - median(floor.ms)),
    leastOverMs: round(Math.min(...ms) - Math.min(...floor.ms)),
    cpuOverMs: round(median(cpuMs) - median(floor.cpuMs)),
  }))
  if (values.json) console.log(JSON.stringify({ node: process.version, runs, aimMs: AIM_MS, rows }, null, 2))
  else {
    console.log(`${runs} interleaved runs, aim ${AIM_MS} ms over a bare Node`)
    console.table(rows)
  }
} finally {
  session.stdin.end()
  await new Promise((resolve) => session.once('exit', resolve))
  rmSync(home, { recursive: true, force: true })
}

/** One real session, which has told which thread of Codex it is. */
async function joinMesh() {
  const lines = createInterface(session.stdout)[Symbol.asyncIterator]()
  const send = (message) => session.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const ask = async (id, method, params) => {
    send({ id, method, params })
    for (;;) {
      const answer = JSON.parse((await lines.next()).value)
      if (answer.id === id) return answer
    }
  }
  const clientInfo = { name: 'codex-mcp-client', version: '1' }
  await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
  send({ method: 'notifications/initialized' })
  await ask(2, 'tools/call', { name: 'mesh_status', arguments: {}, _meta: { threadId: 't' } })
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

function median(all) {
  const sorted = [...all].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function round(value) {
  return Math.round(value * 10) / 10
}
