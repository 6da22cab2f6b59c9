// Does the time of a refusal tell anything of the token? Requests with the right beginning of the token and with a wrong
// one, interleaved at random over one connection, compared by Welch's t-test. |t| < 4.5 means that nothing is seen.
//
//   node bench/token-timing.mjs [--json] [requests]
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const json = process.argv.includes('--json')
const count = Number(process.argv.find((arg) => /^\d+$/.test(arg)) ?? 20_000)
const program = fileURLToPath(new URL('../dist/slm-mesh.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'slm-mesh-bench-'))
const leader = spawn(process.execPath, [program, 'start'], {
  env: { PATH: process.env.PATH, HOME: home, SLM_MESH_DATA_DIR: join(home, 'mesh'), SLM_MESH_PORT: '0' },
  stdio: 'ignore',
})
const ended = new Promise((resolve) => leader.once('close', resolve))

try {
  const [port, token] = await published()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const right = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}` // all but the last character
  const wrong = [...token].map((c) => (c === 'x' ? 'y' : 'x')).join('')
  const times = { right: [], wrong: [] }
  for (let i = 0; i < 500; i++) await refused(agent, port, wrong)
  for (let i = 0; i < count; i++) {
    const kind = Math.random() < 0.5 ? 'right' : 'wrong'
    times[kind].push(await refused(agent, port, kind === 'right' ? right : wrong))
  }
  agent.destroy()
  const t = welch(trimmed(times.right), trimmed(times.wrong))
  const result = { requests: count, rightPrefixMs: median(times.right), wrongMs: median(times.wrong), t }
  if (json) console.log(JSON.stringify(result, null, 2))
  else {
    console.log(
      `${count} refused requests; medians: right prefix ${result.rightPrefixMs.toFixed(3)} ms, all wrong ${result.wrongMs.toFixed(3)} ms`,
    )
    console.log(`Welch's t = ${t.toFixed(2)}: ${Math.abs(t) < 4.5 ? 'no difference is seen' : 'THE TIMES DIFFER'}`)
  }
} finally {
  leader.kill('SIGTERM')
  await ended
  rmSync(home, { recursive: true, force: true })
}

async function published() {
  for (;;) {
    try {
      const port = Number(readFileSync(join(home, 'mesh', 'port'), 'utf8'))
      const token = readFileSync(join(home, 'mesh', 'leader.token'), 'utf8').trim()
      if (port > 0) return [port, token]
    } catch {
      // not yet
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function refused(agent, port, token) {
  return new Promise((resolve, reject) => {
    const begun = performance.now()
    const asking = request(
      { agent, host: '127.0.0.1', port, path: '/status', headers: { authorization: `Bearer ${token}` } },
      (answer) => {
        const took = performance.now() - begun
        if (answer.statusCode !== 401) reject(new Error(`answered ${answer.statusCode}`))
        answer.resume().once('end', () => resolve(took))
      },
    )
    asking.once('error', reject)
    asking.end()
  })
}

/** Without the slowest tenth, which is the machine's. */
function trimmed(values) {
  return [...values].sort((a, b) => a - b).slice(0, Math.floor(values.length * 0.9))
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}

function welch(a, b) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = (values, m) => values.reduce((sum, value) => sum + (value - m) ** 2, 0) / (values.length - 1)
  const [ma, mb] = [mean(a), mean(b)]
  return (ma - mb) / Math.sqrt(variance(a, ma) / a.length + variance(b, mb) / b.length)
}
