// How long a hook's process takes from start to end, over a bare Node in the same run: with a session's peer that answers,
// and where there is no mesh. Medians of interleaved runs, so that a busy machine slows all of them alike.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { main, median, row, runsOr } from './figures.mjs'
import { env, home, program, root, withSessions } from './world.mjs'

const RUNS = runsOr(30, 5)
/** What a hook may take over a bare Node. */
const AIM_MS = 50

const command = '*** Begin Patch\n*** Update File: a.ts\n*** End Patch'
const input = JSON.stringify({ session_id: 't', cwd: root, tool_name: 'apply_patch', tool_input: { command } })
const args = [program, 'hook', 'codex', 'PreToolUse']
const subjects = {
  'a bare Node': ['-e', '0'],
  'a peer answers': args,
  'no mesh': [...args, '--data-dir', join(home, 'none')],
}

export function hook() {
  return withSessions(1, { client: 'codex-mcp-client' }, async (session) => {
    // Codex names its session with each call.
    await session.ask('tools/call', { name: 'mesh_status', arguments: {}, _meta: { threadId: 't' } })
    const times = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]))
    for (let run = 0; run < RUNS; run++) for (const [name, words] of Object.entries(subjects)) times[name].push(start(words))
    const floor = median(times['a bare Node'])
    return [
      row('a bare Node', floor, 'ms'),
      row('a hook that its peer answers, over a bare Node', median(times['a peer answers']) - floor, 'ms', { atMost: AIM_MS }),
      row('a hook where there is no mesh, over a bare Node', median(times['no mesh']) - floor, 'ms', { atMost: AIM_MS }),
    ]
  })
}

function start(words) {
  const startedAt = performance.now()
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: root, env, input, stdio: ['pipe', 'pipe', 'inherit'] })
  const ms = performance.now() - startedAt
  if (status !== 0 || (words !== subjects['a bare Node'] && stdout.toString() !== '{}\n'))
    throw new Error(`${words}: ${status} ${stdout}`)
  return ms
}

await main(import.meta, hook)
