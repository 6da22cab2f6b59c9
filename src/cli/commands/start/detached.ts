import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { monotonicMs } from '../../../core/clock.ts'
import { MeshError } from '../../../core/errors.ts'
import { type Layout, openDataDir } from '../../../core/paths.ts'
import type { PeerRow } from '../../../core/peer.ts'
import { sleep } from '../../../core/scope.ts'
import type { Desk } from '../../command.ts'
import { connect } from '../../connect.ts'
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../../failures.ts'
import { isHeadless, type Leader, leaderOf, leads, rowsOf, shown } from '../../headless.ts'
import { safe, safeLines } from '../../terminal.ts'

/** Beyond the lease, within which a leader that hangs is replaced. */
const START_UP_MS = 5_000
const LOOK_EVERY_MS = 50

/** Starts a headless peer as a process of its own, and waits until the mesh is served. */
export async function startDetached(desk: Desk): Promise<number> {
  // Here, where a place that cannot be used is told at once; and the child needs no directory of ours.
  const layout = openDataDir(resolve(desk.cwd, desk.config.dataDir))
  const child = launch(desk, layout.dataDir)
  // However the waiting ends, it must not keep this process alive.
  desk.scope.defer(() => child.release())
  const until = monotonicMs() + desk.config.leaseMs + START_UP_MS
  for (;;) {
    const ended = child.ended()
    const { peer, found } = await look(desk, layout, (row) => row.pid === child.pid || ended?.code === 0)
    if (ended && !peer) return report(desk, child.said() || `it ended with exit code ${ended.code} and said nothing`)
    if (peer && found?.leader) {
      const { leader } = found
      if (child.said() !== '') desk.remark(safeLines(child.said()))
      const started = ended === undefined
      desk.answer({ started, peer: shown(peer), leader, token: layout.token, log: layout.log }, () =>
        [
          `${safe(peer.name)} ${started ? 'runs' : 'runs already'}: a headless peer (pid ${peer.pid}). slm-mesh stop ends it.`,
          leads(leader),
          `token  ${safe(layout.token)}`,
          `log    ${safe(layout.log)}`,
        ].join('\n'),
      )
      return EXIT_OK
    }
    if (desk.signal.aborted) {
      child.stop()
      return EXIT_INTERRUPTED
    }
    if (monotonicMs() > until) {
      const why = found?.why ?? 'It has not joined the mesh.'
      return report(desk, `a headless peer (pid ${child.pid}) was started, but nothing is served yet. ${why}`)
    }
    await sleep(LOOK_EVERY_MS, desk.signal, true)
  }
}

/** The headless peer that fits, and who serves. */
async function look(desk: Desk, layout: Layout, fits: (row: PeerRow) => boolean) {
  try {
    const peer = (await rowsOf(layout))?.peers.find((row) => isHeadless(row) && fits(row))
    return { peer, found: peer && (await leaderThatAnswers(desk)) }
  } catch (error) {
    // What is wrong with the file for good, the child says itself.
    if (!(error instanceof MeshError)) throw error
    return { peer: undefined, found: { leader: null, why: `${error.message}.` } }
  }
}

/** The leader, once it has proven to be the one that the database names. */
async function leaderThatAnswers(desk: Desk): Promise<{ leader: Leader; why: string | null }> {
  await using mesh = await connect(desk, false)
  return { leader: mesh.client ? leaderOf(mesh.row(), desk.config) : null, why: mesh.why }
}

function report({ terminal, json }: Desk, what: string): number {
  const text = what.trim().replace(/^slm-mesh: /, '')
  if (json) terminal.out(`${JSON.stringify({ ok: false, error: text, code: 'storage' }, null, 2)}\n`)
  terminal.err(`slm-mesh: ${safeLines(text)}\n`)
  return EXIT_FAILED
}

/** In a session of its own: neither our terminal's end nor its Ctrl-C reaches it. Nothing of ours stays open in it. */
function launch({ program, env }: Desk, dataDir: string) {
  const child: ChildProcess = spawn(process.execPath, [program, 'start', '--data-dir', dataDir], {
    cwd: dataDir,
    env,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  let ended: { code: number | null } | undefined
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    said += chunk
  })
  child.once('error', (error) => {
    said += error.message
    ended = { code: null }
  })
  child.once('close', (code) => {
    ended ??= { code }
  })
  return {
    pid: child.pid,
    said: () => said,
    ended: () => ended,
    stop: () => child.kill('SIGTERM'),
    /** It goes on alone. */
    release() {
      child.stderr?.destroy()
      child.unref()
    },
  }
}
