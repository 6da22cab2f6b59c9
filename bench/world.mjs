// What the benches share: the built program, a home of their own in a temporary directory, sessions, and the floor.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { joinMesh } from '../dist/index.js'
import { Session } from './mcp.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const program = join(root, 'dist/slm-mesh.js')
export const home = mkdtempSync(join(tmpdir(), 'slm-mesh-bench-'))
export const env = environment('mesh')

process.once('exit', () => rmSync(home, { recursive: true, force: true }))

/** Of a mesh of its own; nobody is told to slow down. */
export function environment(mesh, more = {}) {
  const dir = join(home, mesh)
  return { PATH: process.env.PATH, HOME: home, SLM_MESH_DATA_DIR: dir, SLM_MESH_PORT: '0', SLM_MESH_RATE: '0', ...more }
}

/** Sessions that have joined one mesh; the first of them leads. */
export async function sessions(count, { env: theirs = env, client = 'bench', name } = {}) {
  const all = []
  for (let i = 0; i < count; i++) {
    const session = new Session([program, 'mcp'], name ? { ...theirs, SLM_MESH_NAME: `${name}-${i}` } : theirs)
    all.push(session)
    await session.initialize(client)
    // Until a leader is there, the first would wait for nobody.
    for (let led = false; !led; ) led = Boolean((await session.tool('mesh_status')).leader?.port)
    session.name = (await session.tool('mesh_peers')).self.name
  }
  return all
}

/** Runs `work` with some sessions, and ends them. */
export async function withSessions(count, options, work) {
  const all = await sessions(count, options)
  try {
    return await work(...all)
  } finally {
    await Promise.all(all.map((session) => session.end()))
  }
}

/** From the send until the receiver's waiting call has answered with it. */
export const delivery = (a, b) =>
  untilAnswered(
    () => b.tool('mesh_inbox', { wait: 20 }),
    () => b.tool('mesh_state', { action: 'get', key: 'k' }),
    () => a.tool('mesh_send', { to: b.name, message: 'now' }),
  )

/** How long after `send` the call that `wait` makes is answered, in ms. `later` is a call of the same client. */
export async function untilAnswered(wait, later, send) {
  const waiting = wait()
  // It is answered first: by then the other one waits.
  await later()
  const startedAt = performance.now()
  const sent = send()
  await waiting
  const ms = performance.now() - startedAt
  await sent
  return ms
}

/** The least that an MCP server can be: the SDK's low-level one, bundled as the mesh is, with one tool that does nothing. */
export const emptyServer = () => bundled('empty-server')

/** A program of bench/programs, bundled as the mesh is; better-sqlite3 is found through NODE_PATH. */
export async function bundled(name) {
  const file = join(home, 'floor', `${name}.cjs`)
  if (existsSync(file)) return file
  const bundle = await rolldown({
    input: join(root, 'bench/programs', `${name}.mjs`),
    platform: 'node',
    external: ['better-sqlite3'],
    transform: { target: 'node20.19' },
    checks: { ineffectiveDynamicImport: false },
  })
  await bundle.write({ file, format: 'cjs', minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } } })
  return file
}

/** So many mailboxes of peers that have left, named from 0 after `prefix`; resolves to their names. */
export async function mailboxes(env, count, prefix) {
  const names = []
  for (let i = 0; i < count; i++) {
    const peer = await joinMesh({ env: { ...env, SLM_MESH_NAME: `${prefix}${i}` }, agentType: 'bench' })
    names.push(peer.self.name)
    await peer.leave()
  }
  return names
}

/** The file of a mesh in which nobody lives, with mailboxes p0, p1 and so on: for programs/rows.mjs. */
export async function meshFile(count) {
  const env = environment(`rows-${rowsFiles++}`)
  await mailboxes(env, count, 'p')
  return join(env.SLM_MESH_DATA_DIR, 'mesh.db')
}
let rowsFiles = 0

export const bareEnv = { ...process.env, NODE_PATH: join(root, 'node_modules') }

/** So many of the least that peers can be (programs/bare-peer.mjs), numbered from 0, in a folder of their own. */
export async function withBarePeers(count, work, ...more) {
  const program = await bundled('bare-peer')
  const folder = mkdtempSync(join(home, 'bare-'))
  const all = []
  try {
    for (let i = 0; i < count; i++) {
      all.push(new Session([program, folder, String(i), ...more], bareEnv))
      await all[i].initialize()
    }
    return await work(...all)
  } finally {
    await Promise.all(all.map((session) => session.end()))
  }
}

/** Memory that a process has for itself, in MB. Linux. */
export function privateMb(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kb = (field) => Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0)
  return (kb('Private_Clean') + kb('Private_Dirty')) / 1024
}

/** Time on a processor of all threads, in ms, and how often they gave it up or lost it. Linux. */
export function activity(pid) {
  let ns = 0
  let switches = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')
    for (const [, count] of status.matchAll(/ctxt_switches:\s+(\d+)/g)) switches += Number(count)
  }
  return { cpuMs: ns / 1e6, switches }
}
