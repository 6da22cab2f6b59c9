import { spawn } from 'node:child_process'
import { monotonicMs } from '../../core/clock.ts'
import { isFailure, MeshError } from '../../core/errors.ts'
import { openDataDir } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { connect } from '../connect.ts'
import { EXIT_ABSENT, EXIT_OK } from '../failures.ts'
import { leaderOf } from '../headless.ts'
import { isRunnable } from '../runnable.ts'
import { storeHere } from '../store-here.ts'
import { safe } from '../terminal.ts'
import { writeLinkFile } from './ui/link-file.ts'
import { hasScreen, openerOf } from './ui/opener.ts'

/** Opens the dashboard in a browser. */

interface Options {
  print?: boolean
  start?: boolean
}

/** How long a browser may take to come; the file that leads it there goes then. */
const COMING_MS = 30_000
const LOOK_EVERY_MS = 100

export const define: Define = (command, handle) => {
  command
    .option('-p, --print', 'print the link, and open nothing')
    .option('-s, --start', 'where nobody leads, first do what slm-mesh start --detach does')
    .addHelpText(
      'after',
      [
        '\nThe leader serves the page, on this machine alone. The link is for you: whoever',
        'has it may act as `dashboard`. It is good until nobody has looked at the page',
        'for 12 h, under later leaders as well.',
        examples('slm-mesh ui', 'slm-mesh ui --start', 'slm-mesh ui --print    # for a browser of your choice'),
      ].join('\n'),
    )
    .action(handle(ui))
}

async function ui(desk: Desk, { print = false, start = false }: Options): Promise<number> {
  let { url, problem } = await whoServes(desk)
  if (url === null && start) {
    const { startDetached } = await import('./start/detached.ts')
    const code = await startDetached({ ...desk, answer: (_, text) => desk.remark(text()) })
    if (code !== EXIT_OK) return code
    ;({ url, problem } = await whoServes(desk))
  }
  if (url === null) {
    if (desk.json) desk.answer({ ok: false, error: problem, code: 'not_found' }, () => '')
    desk.terminal.err(`slm-mesh: ${safe(problem)}\n`)
    return EXIT_ABSENT
  }

  const { browserKeys } = await storeHere(desk)
  const key = await browserKeys.mint()
  const link = `${url}/#key=${key}`
  const whyNot = print ? null : whyNotHere(desk)
  const opened = !print && whyNot === null && (await open(desk, link, () => browserKeys.isUsed(key)))
  if (whyNot !== null) desk.remark(whyNot)
  else if (!print && !opened) desk.remark('No browser has come. Open this link in one:')
  desk.answer({ opened, url: link }, () => (opened ? `The dashboard is open in your browser, on ${url}.` : link))
  return EXIT_OK
}

/** Where the leader serves its page, once it has proven to be the leader; else what to do. */
async function whoServes(desk: Desk): Promise<{ url: string | null; problem: string }> {
  const without = (problem: string) => ({ url: null, problem })
  try {
    await using mesh = await connect(desk, false)
    const leader = mesh.client ? leaderOf(mesh.row(), desk.config) : null
    if (!mesh.client || !leader?.url)
      return without(
        `${mesh.why ?? 'Nobody leads.'} The leader serves the dashboard: slm-mesh start --detach, or slm-mesh ui --start`,
      )
    const hasOne = await mesh.client.ask('GET', '/dashboard/overview', undefined, desk.signal).then(
      () => true,
      (error: unknown) => {
        if (error instanceof MeshError) throw error
        return false
      },
    )
    if (hasOne) return { url: leader.url, problem: '' }
    return without(
      `${leader.name} leads with an earlier slm-mesh, which has no dashboard: slm-mesh stop, then slm-mesh ui --start`,
    )
  } catch (error) {
    if (!isFailure(error, 'not_found')) throw error
    return without('There is no mesh yet: slm-mesh start --detach, or slm-mesh ui --start')
  }
}

/** Why no browser can be opened from here; null where one can. */
function whyNotHere({ env, cwd }: Desk): string | null {
  const { platform } = process
  if (!hasScreen(platform, env)) return 'There is no screen here to open a browser on. Open this link where there is one:'
  const { program } = openerOf(platform, '')
  if (platform !== 'win32' && !isRunnable(program, { env, platform, cwd }))
    return `There is no ${program} here to open a browser with. Open this link in one:`
  return null
}

/** Has the browser led to the page, and waits until it has come. False where it has not. */
async function open(desk: Desk, link: string, hasCome: () => boolean): Promise<boolean> {
  const file = writeLinkFile(openDataDir(desk.config.dataDir).dataDir, link)
  desk.scope.defer(file.remove)
  const { program, args, verbatim } = openerOf(process.platform, file.path)
  const child = spawn(program, args, {
    env: desk.env,
    detached: process.platform !== 'win32',
    windowsHide: true,
    windowsVerbatimArguments: verbatim,
    stdio: 'ignore',
  })
  let failed = false
  child.once('error', () => {
    failed = true
  })
  child.once('exit', (code) => {
    failed = code !== 0
  })
  // A browser that was started by it may live for days.
  child.unref()
  try {
    for (const until = monotonicMs() + COMING_MS; !failed && monotonicMs() < until && !desk.signal.aborted; ) {
      if (hasCome()) return true
      await sleep(LOOK_EVERY_MS, desk.signal, true)
    }
    return hasCome()
  } finally {
    file.remove()
  }
}
