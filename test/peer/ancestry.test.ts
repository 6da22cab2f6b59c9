import { expect, test } from 'vitest'
import {
  ancestors,
  isLauncher,
  type ProcessRow,
  parseCimTable,
  parseProc,
  parsePsTable,
  processes,
} from '../../src/peer/ancestry.ts'

test('a process of Linux is read from its two files, whatever it is called', () => {
  const stat = (comm: string) => `7 (${comm}) S 3 7 7 ${Array.from({ length: 15 }, () => 0).join(' ')} 123456 0 0`
  const row = { pid: 7, parent: 3, startedAt: '123456', command: 'node /x/npx -y slm-mesh' }
  expect(parseProc(7, stat('node'), 'node\0/x/npx\0-y\0slm-mesh\0')).toEqual(row)
  expect(parseProc(7, stat('a) S 9 (b\n'), 'node\0/x/npx\0-y\0slm-mesh\0')).toEqual(row)
  expect(parseProc(7, stat('kthread'), '')).toEqual({ ...row, command: '' })
  for (const garbage of ['', '7', '7 (x', '7 (x) S']) expect(parseProc(7, garbage, '')).toBeUndefined()
})

test('the listing of ps is read line by line', () => {
  expect(
    parsePsTable(`    1     0 Mon Nov  2 09:15:01 2026 /sbin/launchd
  812     1 Mon Nov 23 10:00:59 2026 /Applications/Claude Code.app/claude --resume
  813   812 Mon Nov 23 10:01:00 2026
garbage
`),
  ).toEqual([
    { pid: 1, parent: 0, startedAt: 'Mon Nov 2 09:15:01 2026', command: '/sbin/launchd' },
    {
      pid: 812,
      parent: 1,
      startedAt: 'Mon Nov 23 10:00:59 2026',
      command: '/Applications/Claude Code.app/claude --resume',
    },
    { pid: 813, parent: 812, startedAt: 'Mon Nov 23 10:01:00 2026', command: '' },
  ])
})

test('the listing of CIM is read line by line', () => {
  expect(
    parseCimTable(
      '0 0  \r\n4 0 134093241234567890 \r\n812 4 134093241239999990 "C:\\Program Files\\nodejs\\node.exe" x\r\n?\r\n',
    ),
  ).toEqual([
    { pid: 0, parent: 0, startedAt: '', command: '' },
    { pid: 4, parent: 0, startedAt: '134093241234567890', command: '' },
    { pid: 812, parent: 4, startedAt: '134093241239999990', command: '"C:\\Program Files\\nodejs\\node.exe" x' },
  ])
})

const table = (...rows: ProcessRow[]) => {
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  return (pid: number) => byPid.get(pid)
}
const row = (pid: number, parent: number, startedAt = '1'): ProcessRow => ({ pid, parent, startedAt, command: '' })

test('ancestors are found up to the first process, and no further', () => {
  const pids = (look: Parameters<typeof ancestors>[0], pid: number) => ancestors(look, pid).map((process) => process.pid)
  expect(pids(table(row(1, 0), row(2, 1), row(3, 2)), 3)).toEqual([2, 1])
  expect(pids(table(row(3, 2)), 3), 'the parent is not to be seen').toEqual([])
  expect(pids(table(), 3)).toEqual([])
  expect(pids(table(row(2, 3), row(3, 2)), 3).length, 'a circle ends').toBeLessThan(100)
  expect(pids(table(row(1, 0, '5'), row(2, 1, '9'), row(3, 2, '7')), 3), 'a younger process got the pid').toEqual([])
})

test.each([
  ['sh -c npx -y slm-mesh', true],
  ['/bin/sh -c "slm-mesh"', true],
  ['npm exec slm-mesh', true],
  ['node /usr/local/bin/npx -y slm-mesh hook codex PreToolUse', true],
  ['/usr/bin/node /usr/lib/node_modules/npm/bin/npx-cli.js -y slm-mesh', true],
  ['"C:\\Program Files\\nodejs\\node.exe" "C:\\npm\\npx-cli.js" -y slm-mesh', true],
  ['C:\\Windows\\system32\\cmd.exe /d /s /c npx -y slm-mesh', true],
  ['bunx slm-mesh', true],
  ['bash', false],
  ['tmux', false],
  ['codex -c mcp_servers.slm-mesh.command=npx', false],
  ['claude --dangerously-load-development-channels server:slm-mesh', false],
  ['node /usr/bin/gemini --allowed-mcp-server-names slm-mesh', false],
  ['node /home/u/slm-mesh/agent.js', false],
  ['', false],
])('%j only launches us: %s', (command, launches) => expect(isLauncher(command)).toBe(launches))

test('this process is found among those of the machine, below the one that started it', async () => {
  const look = await processes(process.platform, AbortSignal.timeout(20_000))
  expect(look(process.pid)).toMatchObject({ pid: process.pid, parent: process.ppid, command: expect.stringContaining('node') })
  expect(ancestors(look, process.pid)[0]?.pid).toBe(process.ppid)
  expect(look(2 ** 30)).toBeUndefined()
})
