import { monotonicMs } from '../../core/clock.ts'
import { processOf } from '../../core/identity.ts'
import type { PeerRow } from '../../core/peer.ts'
import { sleep } from '../../core/scope.ts'
import { isGone, isStill } from '../../peer/process-identity.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { connect } from '../connect.ts'
import { EXIT_FAILED, EXIT_OK } from '../failures.ts'
import { isHeadless, isLiving, type Leader, leaderOf, leads, rowsOf, shown } from '../headless.ts'
import { safe } from '../terminal.ts'

/** Ends headless peers. A session is never ended: where one leads, it is asked to let another lead. */

/** How long a headless peer may take to say goodbye. */
const GOODBYE_MS = 5_000
/** How long the leadership may take to move: those who can take it are told at once. */
const MOVE_MS = 2_000
const LOOK_EVERY_MS = 20

export const define: Define = (command, handle) => {
  command
    .addHelpText('after', examples('slm-mesh stop', 'slm-mesh stop && slm-mesh start --detach    # a fresh leader'))
    .action(handle(stop))
}

async function stop(desk: Desk): Promise<number> {
  const before = await rowsOf(desk.layout)
  const headless = before?.peers.filter(isHeadless) ?? []
  const leader = before && leaderOf(before.leadership, desk.config)
  if (!leader && headless.length === 0) {
    desk.answer({ ended: [], remaining: [], handedOn: null, leader: null }, () =>
      before
        ? 'Nothing to stop: no headless peer runs, and nobody leads.'
        : `Nothing to stop: there is no mesh in ${safe(desk.layout.dataDir)}.`,
    )
    return EXIT_OK
  }

  const results = await Promise.all(headless.map(async (row) => ({ row, why: await end(row, desk.signal) })))
  const problems = results.flatMap(({ row, why }) => (why === null ? [] : [`${safe(row.name)} (pid ${row.pid}) ${why}`]))
  const ofSession = leader && !headless.some((row) => row.id === leader.id) ? leader : null
  const unmoved = ofSession && (await handOn(desk, ofSession))
  if (unmoved) problems.push(unmoved)
  const successor = leader && (await whoLeads(desk, leader))

  const ended = results.filter(({ why }) => why === null).map(({ row }) => row)
  const remaining = results.filter(({ why }) => why !== null).map(({ row }) => row)
  const handedOn = ofSession && !unmoved ? ofSession : null
  const document = { ended: ended.map(shown), remaining: remaining.map(shown), handedOn, leader: successor ?? null }
  desk.answer({ ok: problems.length === 0, ...document }, () =>
    [
      ...ended.map((row) => `Ended ${safe(row.name)}, a headless peer (pid ${row.pid}).`),
      ...(handedOn ? [`${safe(handedOn.name)} (pid ${handedOn.pid}) has handed the leadership on; its session goes on.`] : []),
      successor ? leads(successor) : nobody(desk, handedOn),
    ].join('\n'),
  )
  for (const problem of problems) desk.terminal.err(`slm-mesh: ${problem}\n`)
  return problems.length === 0 ? EXIT_OK : EXIT_FAILED
}

const nobody = ({ config }: Desk, handedOn: Leader) =>
  `Nobody leads now.${handedOn ? ` Where nobody else starts, ${safe(handedOn.name)} leads again after ${config.leaseMs / 1000} s.` : ''}`

/** Tells a headless peer to end. Null once it is gone; else why it is not. */
async function end(row: PeerRow, signal: AbortSignal): Promise<string | null> {
  const that = processOf(row)
  try {
    // The last look before the signal: a pid is reused, and a stranger is not ours to end.
    if (isStill(that)) process.kill(that.pid, 'SIGTERM')
    else if (!isGone(that)) return 'runs in another container: end it there'
  } catch (error) {
    if (!isGone(that)) return `cannot be ended: ${error instanceof Error ? error.message : String(error)}`
  }
  for (const until = monotonicMs() + GOODBYE_MS; !isGone(that); ) {
    if (monotonicMs() > until || signal.aborted) return `has not ended within ${GOODBYE_MS / 1000} s, and is left as it is`
    await sleep(LOOK_EVERY_MS, signal, true)
  }
  return null
}

/** Asks a leading session to let another lead. Null once the row has moved; else why it has not. */
async function handOn(desk: Desk, leader: NonNullable<Leader>): Promise<string | null> {
  const who = `${safe(leader.name)} (pid ${leader.pid})`
  const hasMoved = async () => {
    const now = (await rowsOf(desk.layout))?.leadership
    return now === undefined || now.term !== leader.term || now.peer === null
  }
  await using mesh = await connect(desk, false)
  if (await hasMoved()) return null
  if (!mesh.client) return `${who} leads and does not answer, so it was not asked to hand the leadership on`
  // An answer that was lost on the way says nothing; the row does.
  const refused = await mesh.client.ask('POST', '/handover', {}, desk.signal).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  for (const until = monotonicMs() + MOVE_MS; !(await hasMoved()); ) {
    if (monotonicMs() > until || desk.signal.aborted)
      return `${who} was asked to hand the leadership on, and still leads${refused === null ? '' : `: ${safe(refused)}`}`
    await sleep(LOOK_EVERY_MS, desk.signal, true)
  }
  return null
}

/** Who leads after `previous`; waits for one who serves where somebody is there to lead. */
async function whoLeads(desk: Desk, previous: NonNullable<Leader>): Promise<Leader> {
  for (const until = monotonicMs() + MOVE_MS; ; ) {
    const now = await rowsOf(desk.layout)
    const leader = now ? leaderOf(now.leadership, desk.config) : null
    const others = now?.peers.some((row) => isLiving(row) && row.socket_path !== null && row.id !== previous.id)
    if ((leader && leader.url !== null) || !others || monotonicMs() > until || desk.signal.aborted) return leader
    await sleep(LOOK_EVERY_MS, desk.signal, true)
  }
}
