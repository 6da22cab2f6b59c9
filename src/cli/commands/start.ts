import { Option } from 'commander'
import { type Define, type Desk, examples } from '../command.ts'
import { EXIT_OK } from '../failures.ts'
import { isHeadless, leaderOf, leads, rowsOf, shown } from '../headless.ts'
import { safe } from '../terminal.ts'

/** A peer without an agent, which may lead: it keeps REST served while no session is open. */

interface Options {
  detach?: boolean
  /** True: for this platform. */
  service?: 'systemd' | 'launchd' | true
}

export const define: Define = (command, handle) => {
  command
    .option('-d, --detach', 'return once the mesh is served, and leave it running')
    .addOption(
      new Option('--service [system]', 'print a service file that starts it at login (default: for this system), and do nothing')
        .choices(['systemd', 'launchd'])
        .conflicts('detach'),
    )
    .addHelpText(
      'after',
      examples(
        'slm-mesh start                   # in the foreground, until Ctrl-C',
        'slm-mesh start --detach',
        'slm-mesh stop && slm-mesh start --detach',
        'slm-mesh start --service systemd > ~/.config/systemd/user/slm-mesh.service',
      ),
    )
    .action(handle(start))
}

async function start(desk: Desk, { detach = false, service }: Options): Promise<number> {
  if (service !== undefined) {
    const { printService } = await import('./start/service.ts')
    return printService(desk, service)
  }
  const rows = await rowsOf(desk.layout)
  const running = rows?.peers.find(isHeadless)
  if (rows && running) {
    const leader = leaderOf(rows.leadership, desk.config)
    desk.answer({ started: false, peer: shown(running), leader }, () =>
      [`${safe(running.name)} runs already: a headless peer (pid ${running.pid}).`, ...(leader ? [leads(leader)] : [])].join(
        '\n',
      ),
    )
    return EXIT_OK
  }
  if (detach) return (await import('./start/detached.ts')).startDetached(desk)
  return (await import('./start/foreground.ts')).startHere(desk)
}
