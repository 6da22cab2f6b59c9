// One, four and sixteen processes that send without pause, and sixteen at the pace of agents. What was accepted is then
// looked for in the file: nothing lost, doubled, or out of its sender's order.
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import Native from 'better-sqlite3'
import { main, options, quantile, row } from './figures.mjs'
import { bareEnv, bundled, environment, home, mailboxes, meshFile, root } from './world.mjs'

const MS = options.quick ? 1_500 : 4_000
const PACE_MS = options.quick ? 3_000 : 10_000
const IN_FLIGHT = 8
const run = promisify(execFile)
const PROGRAM = join(root, 'bench/programs/sender.mjs')

export async function senders() {
  const cores = availableParallelism()
  // First: those that send flat out leave the disk with work to do.
  const atPace = await paced()
  const rows = []
  for (const count of [1, 4, 16]) {
    const { perSecond, times, ratios, problems } = await send(count, 'flat', MS)
    const many = count === 16
    const same = many && (await bareSenders(count, 'flat', MS, await meshFile(count)))
    const least = (what) => (many ? { floor: ['storing the same', same[what]] } : {})
    rows.push(
      row(`${count} flat out: accepted`, perSecond, '/s', {
        ...least('perSecond'),
        ...(many && { atLeast: Math.min(8_000, 2_000 * cores) }),
      }),
      row(`${count} flat out: p99`, quantile(times, 0.99), 'ms', { ...least('p99'), ...(many && { atMost: 60 }) }),
    )
    if (many)
      rows.push(
        row('16 bare senders: accepted', (await bareSenders(count, 'flat', MS)).perSecond, '/s'),
        row('16 flat out: lost, doubled or out of order', problems, 'messages', { atMost: 0 }),
        row('16 flat out: fastest over slowest sender', ratios, '×', { atMost: 2 }),
        row('16 flat out: event loop blocked at most', (await send(count, 'watched', MS)).blocked, 'ms', {
          floor: ['16 that compute', await busyLoops(count, MS)],
          atMost: 20,
        }),
      )
  }
  return [...rows, ...atPace]
}

/** What agents do: ten messages a second each. */
async function paced() {
  // Before and after, as a machine that is busy for a moment would spoil a floor that is taken once.
  const before = await send(1, 'pace', PACE_MS)
  const many = await send(16, 'pace', PACE_MS)
  const after = await send(1, 'pace', PACE_MS)
  const p50 = quantile([...before.times, ...after.times], 0.5)
  const aloneBare = await bareSenders(1, 'pace', PACE_MS, await meshFile(1))
  const pacedBare = await bareSenders(16, 'pace', PACE_MS, await meshFile(16))
  return [
    row('1 at 10/s: p50', p50, 'ms'),
    row('16 at 10/s each: p99', quantile(many.times, 0.99), 'ms', { floor: ['one sender, p50', p50], ratio: 3 }),
    row('the same of bare senders that store what we store, p99', pacedBare.p99, 'ms', {
      floor: ['one of them, p50', aloneBare.p50],
    }),
    row('16 at 10/s each: lost, doubled or out of order', many.problems, 'messages', { atMost: 0 }),
  ]
}

let meshes = 0

/** Each sends to the others in turn, who do not read: what was accepted must stand in the file. */
async function send(count, how, ms) {
  const mesh = `senders-${meshes++}`
  const env = environment(mesh)
  const all = []
  for (let i = 0; i < count; i++) {
    const args = [PROGRAM, how, String(ms), String(IN_FLIGHT)]
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value)
    all.push({ child, next, name: (await next()).name })
  }
  // A mailbox takes no more than 10,000 unread: where few send, those of peers that have left take theirs as well.
  const names = [...all.map(({ name }) => name), ...(await mailboxes(env, count < 16 ? 32 : 0, 'away-'))]
  const startedAt = performance.now()
  for (const { child } of all) child.stdin.write(`${JSON.stringify({ names })}\n`)
  const said = await Promise.all(all.map(({ next }) => next()))
  const seconds = (performance.now() - startedAt) / 1000
  const problems = problemsOf(join(home, mesh, 'mesh.db'), all, said)
  for (const { child } of all) {
    child.stdin.end()
    await new Promise((resolve) => child.once('exit', resolve))
  }
  const counts = said.map(({ sent }) => sent)
  const times = said.flatMap((one) => one.times)
  return {
    perSecond: counts.reduce((sum, n) => sum + n, 0) / seconds,
    times,
    ratios: Math.max(...counts) / Math.min(...counts),
    blocked: Math.max(...said.map(({ blockedMs }) => blockedMs)),
    problems,
  }
}

/** What so many processes get into one file that do nothing but store and ring; into a mesh's, with all its rows and indexes. */
async function bareSenders(count, how, ms, ...mesh) {
  const program = await bundled('bare-sender')
  const folder = mkdtempSync(join(home, 'bare-'))
  const inOne = how === 'flat' ? IN_FLIGHT : 1
  const all = Array.from({ length: count }, (_, i) => {
    const args = [program, folder, i, count, how, ms, inOne, ...mesh].map(String)
    const child = spawn(process.execPath, args, { env: bareEnv, stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    return { child, next: async () => (await lines.next()).value }
  })
  await Promise.all(all.map(({ next }) => next()))
  const startedAt = performance.now()
  for (const { child } of all) child.stdin.write('go\n')
  const said = await Promise.all(all.map(async ({ next }) => JSON.parse(await next())))
  const seconds = (performance.now() - startedAt) / 1000
  for (const { child } of all) {
    child.stdin.end()
    await new Promise((resolve) => child.once('exit', resolve))
  }
  const times = said.flatMap((one) => one.times)
  return {
    perSecond: said.reduce((sum, { sent }) => sum + sent, 0) / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  }
}

/** For how long the event loops of so many processes stand still that only compute, at most. */
async function busyLoops(count, ms) {
  const program = join(root, 'bench/programs/busy.mjs')
  const all = Array.from({ length: count }, () => run(process.execPath, [program, String(ms)]))
  return Math.max(...(await Promise.all(all)).map(({ stdout }) => Number(stdout)))
}

function problemsOf(path, all, said) {
  const database = new Native(path, { readonly: true })
  const payloads = database.prepare('SELECT payload FROM messages WHERE sender_name = ? ORDER BY seq').pluck()
  let problems = 0
  all.forEach(({ name }, i) => {
    const stored = payloads.all(name).map(Number)
    problems += Math.abs(stored.length - said[i].sent)
    stored.forEach((n, at) => {
      if (n !== at) problems++
    })
  })
  database.close()
  return problems
}

await main(import.meta, senders)
