import { Option } from 'commander'
import type { Peer } from '../../core/peer.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { EXIT_ABSENT, EXIT_OK } from '../failures.ts'
import { hostColumn } from '../host-column.ts'
import { type Column, table } from '../table.ts'
import { times } from '../times.ts'

type Scope = 'mesh' | 'machine' | 'directory' | 'repo'

interface Options {
  scope: Scope
  all?: boolean
  absolute?: boolean
}

export const define: Define = (command, handle) => {
  command
    .addOption(
      new Option('--scope <scope>', 'whose: everybody, of this machine, of this directory, or of this repository')
        .choices(['mesh', 'machine', 'directory', 'repo'])
        .default('mesh'),
    )
    .option('-a, --all', 'also those that are away: their mailboxes wait for their next session')
    .option('--absolute', 'show dates and times instead of how long ago')
    .addHelpText(
      'after',
      examples('slm-mesh peers', 'slm-mesh peers --scope repo', "slm-mesh peers --json | jq -r '.peers[].name'"),
    )
    .action(handle(peers))
}

async function peers(desk: Desk, { scope, all = false, absolute = false }: Options): Promise<number> {
  const mesh = await desk.open()
  // An earlier version that leads knows no other word for everybody than none.
  const found = (await mesh.call('peer.list', scope === 'mesh' ? {} : { scope })).peers
  const shown = all ? found : found.filter((peer) => peer.status !== 'away')
  const away = found.length - shown.length
  const time = times(absolute, Date.now())
  const columns: readonly Column<Peer>[] = [
    { title: 'NAME', of: (peer) => peer.name, style: () => 'bold' },
    { title: 'AGENT', of: (peer) => peer.agentType },
    {
      title: 'STATUS',
      of: (peer) => peer.status,
      style: (peer) => (peer.status === 'active' ? 'green' : peer.status === 'stale' ? 'yellow' : 'dim'),
    },
    { title: 'SEEN', of: (peer) => time.past(peer.lastHeartbeat) },
    { title: 'SUMMARY', of: (peer) => peer.summary, min: 12 },
    { title: 'PROJECT', of: (peer) => peer.projectPath, min: 16, cut: 'start' },
    { title: 'BRANCH', of: (peer) => peer.gitBranch ?? '', min: 8 },
    { title: 'REACH', of: (peer) => peer.reach },
    ...hostColumn(shown),
  ]
  desk.answer({ via: mesh.via, peers: shown }, () =>
    shown.length === 0 ? (desk.terminal.isTty ? 'No peers.' : '') : table(desk.terminal, columns, shown),
  )
  if (away > 0) desk.remark(`${away} more ${away === 1 ? 'is' : 'are'} away: --all shows ${away === 1 ? 'it' : 'them'}.`)
  return shown.length === 0 ? EXIT_ABSENT : EXIT_OK
}
