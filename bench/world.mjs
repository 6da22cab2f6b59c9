// What the benches share: the built program, a home of its own in a temporary directory, a real session, and figures.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const program = join(root, 'dist/slm-mesh.js')
export const home = mkdtempSync(join(tmpdir(), 'slm-mesh-bench-'))
export const env = { PATH: process.env.PATH, HOME: home, SLM_MESH_DATA_DIR: join(home, 'mesh'), SLM_MESH_PORT: '0' }

process.once('exit', () => rmSync(home, { recursive: true, force: true }))

/** Runs `work` while one real session is there, which has joined and leads; `meta` is what its calls carry. */
export async function withSession(work, { client = 'bench', meta } = {}) {
  const session = spawn(process.execPath, [program, 'mcp'], { cwd: root, env, stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface(session.stdout)[Symbol.asyncIterator]()
  const send = (message) => session.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const ask = async (id, method, params) => {
    send({ id, method, params })
    for (;;) {
      const answer = JSON.parse((await lines.next()).value)
      if (answer.id === id) return answer
    }
  }
  try {
    const clientInfo = { name: client, version: '1' }
    await ask(1, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    send({ method: 'notifications/initialized' })
    const call = { name: 'mesh_status', arguments: {}, ...(meta && { _meta: meta }) }
    for (let id = 2; ; id++) {
      const { result } = await ask(id, 'tools/call', call)
      if (result.structuredContent.leader?.port) break
    }
    await work()
  } finally {
    session.stdin.end()
    await new Promise((resolve) => session.once('exit', resolve))
  }
}

export function median(all) {
  const sorted = [...all].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function round(value, digits = 2) {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
