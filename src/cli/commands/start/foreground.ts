import { resolve } from 'node:path'
import { processOf } from '../../../core/identity.ts'
import { hostOf } from '../../../core/lifetime.ts'
import { openDataDir } from '../../../core/paths.ts'
import { sleep } from '../../../core/scope.ts'
import type { MeshPeer } from '../../../peer/mesh-peer.ts'
import { joinMesh } from '../../../peer/peer.ts'
import { isGone } from '../../../peer/process-identity.ts'
import type { Desk } from '../../command.ts'
import { EXIT_INTERRUPTED, EXIT_OK } from '../../failures.ts'
import { type Leader, leaderOf, leads, shown } from '../../headless.ts'
import { paint, safe } from '../../terminal.ts'
import { local } from '../../times.ts'

/** How long saying goodbye may take before the process ends anyway; the others will notice its death. */
const GOODBYE_MS = 3_000
const LONG_MS = 2 ** 31 - 1

/** Is a headless peer in this very process, until a signal. */
export async function startHere(desk: Desk): Promise<number> {
  const { config, terminal, signal, json } = desk
  const { dataDir, token, log } = openDataDir(resolve(desk.cwd, config.dataDir))
  const peer = await joinMesh({
    kind: 'headless',
    agentType: 'headless',
    env: { ...desk.env, SLM_MESH_DATA_DIR: dataDir },
    // It works in no project; so it is also the same peer again wherever it is started.
    projectPath: dataDir,
    stderr: terminal.err,
  })
  desk.scope.defer(async () => {
    const gone = new AbortController()
    await Promise.race([peer.leave().finally(() => gone.abort()), sleep(GOODBYE_MS, gone.signal, true)])
  })
  keepAlive(desk, peer)

  const elder = await elderOf(peer)
  if (elder) {
    const text = `${safe(elder.name)} runs already: a headless peer (pid ${elder.pid}).`
    desk.answer({ started: false, peer: shown(elder) }, () => text)
    return EXIT_OK
  }

  const self = { id: peer.self.id, name: peer.self.name, pid: process.pid }
  const say = (document: object, text: string) => terminal.out(`${json ? JSON.stringify({ ok: true, ...document }) : text}\n`)
  say(
    { started: true, peer: self, dataDir, token, log },
    [
      `${paint(terminal, 'bold', self.name)} is up: a headless peer (pid ${self.pid}) of the mesh in ${safe(dataDir)}`,
      `token  ${safe(token)}`,
      `log    ${safe(log)}`,
      ...(terminal.isTty ? [paint(terminal, 'dim', 'Ctrl-C ends it.')] : []),
    ].join('\n'),
  )
  let said: Leader = null
  while (!signal.aborted) {
    const heard = peer.bell.count
    const leader = leaderOf(peer.store.leadership.read(), config)
    // Until it serves, an elected leader is not news yet.
    if (leader?.url && (leader.term !== said?.term || leader.url !== said.url)) {
      say({ leader }, `${paint(terminal, 'dim', local(new Date().toISOString()))}  ${leads(leader)}`)
      said = leader
    }
    await peer.bell.wait(heard, LONG_MS, signal)
  }
  return signal.reason === 'SIGTERM' ? EXIT_OK : EXIT_INTERRUPTED
}

/** A headless peer that was on this machine first: of two that are started at once, one stays. */
async function elderOf(peer: MeshPeer) {
  const rows = (await peer.store.peers.all()).filter((row) => row.kind === 'headless' && row.live === 1)
  const own = rows.findIndex((row) => row.id === peer.self.id)
  const host = hostOf(rows[own]?.boot_id ?? '')
  return rows.find((row, i) => i < own && hostOf(row.boot_id ?? '') === host && !isGone(processOf(row)))
}

/** A bug must be seen, and must not take the peer off the mesh. */
function keepAlive({ scope }: Desk, { log }: MeshPeer): void {
  const onBug = (reason: unknown) =>
    log.error('bug', { error: reason instanceof Error ? reason : new Error(String(reason), { cause: reason }) })
  process.on('unhandledRejection', onBug)
  scope.defer(() => process.off('unhandledRejection', onBug))
}
