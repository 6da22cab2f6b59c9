import { fail, isFailure } from '../../core/errors.ts'
import { openDataDir } from '../../core/paths.ts'
import { sleep } from '../../core/scope.ts'
import type { BrowserKeys } from '../../core/browser-keys.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { connect } from '../connect.ts'
import { EXIT_ABSENT, EXIT_FAILED, EXIT_OK } from '../failures.ts'
import { leaderOf } from '../headless.ts'
import type { Mesh } from '../mesh.ts'
import { safe } from '../terminal.ts'

/** Opens the dashboard in a browser. */

interface Options {
  print?: boolean
  start?: boolean
}

/** How long the browser may take to come: the file that leads it there goes then. */
const OPEN_MS = 30_000
const LOOK_EVERY_MS = 100

export const define: Define = (command, handle) => {
  command
    .option('-p, --print', 'print the link, and open nothing')
    .option('-s, --start', 'where nobody leads, start what does: slm-mesh start --detach')
    .addHelpText(
      'after',
      [
        '\nThe page is served by the leader, on this machine alone. The link is for you: who',
        'has it may act as `dashboard`. It is good until nobody has looked at the page for',
        '12 h, under later leaders as well.',
        examples('slm-mesh ui', 'slm-mesh ui --start', 'slm-mesh ui --print    # for a browser of your choice'),
      ].join('\n'),
    )
    .action(handle(ui))
}

async function ui(desk: Desk, { print = false, start = false }: Options): Promise<number> {
  const found = await whoServes(desk)
  if (!found.leader && start) {
    const { startDetached } = await import('./start/detached.ts')
    const code = await startDetached({ ...desk, answer: (_, text) => desk.remark(text()) })
    if (code !== EXIT_OK) return code
  }
  const { leader, why } = found.leader || !start ? found : await whoServes(desk)
  if (!leader) return nobodyServes(desk, why)
  const { store, close } = await openFile(desk)
  const key = await store.browserKeys.mint()
  const link = `${leader.url}/#key=${key}`
  const whyNot = print ? '' : await openIn(desk, link, () => store.browserKeys.isUsed(key))
  close()
  if (whyNot !== undefined && whyNot !== '') desk.remark(whyNot)
  const opened = whyNot === undefined
  desk.answer({ opened, url: link, leader }, () =>
    opened ? `The dashboard is open in your browser, served by ${safe(leader.name)} on ${leader.url}.` : link,
  )
  return EXIT_OK
}
