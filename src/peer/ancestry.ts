import { readFileSync } from 'node:fs'
import { parseProcStat } from './sighting.ts'

/** Which process started which: how a hook finds the server that the same agent has started. */

export interface ProcessRow {
  readonly pid: number
  readonly parent: number
  /** As in `Sighting`: opaque, equal for the same process. */
  readonly startedAt: string
  /** Its command line, words separated by spaces. */
  readonly command: string
}

export type Look = (pid: number) => ProcessRow | undefined

/** More steps than there are between a process and the first one. */
const MAX_DEPTH = 64

/** The processes above this one, the nearest first. Pure. */
export function ancestors(look: Look, pid: number): ProcessRow[] {
  const above: ProcessRow[] = []
  let child = look(pid)
  while (child && child.parent > 0 && above.length < MAX_DEPTH) {
    const parent = look(child.parent)
    // Windows keeps the pid of a parent that has ended, which may be another's by now: no parent is younger.
    if (!parent || isYounger(parent, child)) break
    above.push(parent)
    child = parent
  }
  return above
}

const isYounger = (a: ProcessRow, b: ProcessRow) =>
  /^\d+$/.test(a.startedAt) && /^\d+$/.test(b.startedAt) && BigInt(a.startedAt) > BigInt(b.startedAt)

/**
 * What stands between an agent and our program: a shell that was given our command line, `npx`, or a runner like it. An
 * agent may have our name in its own command line (a list of servers), so the program counts, not the name alone. Pure.
 */
export function isLauncher(command: string): boolean {
  if (!command.includes('slm-mesh')) return false
  const [first = '', second = ''] = (command.match(/"[^"]*"|\S+/g) ?? []).slice(0, 2).map((word) => nameOf(word))
  return SHELLS.has(first) || RUNNERS.has(first) || (first === 'node' && RUNNERS.has(second))
}

const nameOf = (word: string) =>
  word
    .replaceAll('"', '')
    .toLowerCase()
    .replace(/^.*[\\/]/, '')
    .replace(/\.(exe|cmd|js|cjs|mjs)$/, '')
const SHELLS = new Set(['sh', 'bash', 'dash', 'zsh', 'fish', 'ash', 'ksh', 'cmd', 'pwsh', 'powershell', 'env'])
const RUNNERS = new Set([
  'npx',
  'npm',
  'npx-cli',
  'npm-cli',
  'pnpm',
  'pnpx',
  'yarn',
  'bunx',
  'bun',
  'volta',
  'mise',
  'asdf',
  'fnm',
])

/** `/proc/PID/stat` and `/proc/PID/cmdline`. Pure. */
export function parseProc(pid: number, stat: string, cmdline: string): ProcessRow | undefined {
  const seen = parseProcStat(stat)
  const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  if (!seen || !Number.isInteger(parent)) return undefined
  return { pid, parent, startedAt: seen.startedAt, command: cmdline.replaceAll('\0', ' ').trim() }
}

/** `ps -axww -o pid=,ppid=,lstart=,command=` of macOS and the BSDs. Pure. */
export function parsePsTable(output: string): ProcessRow[] {
  return output.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d{4})(?:\s+(.*))?$/.exec(line)
    if (!match) return []
    const [, pid, parent, started = '', command = ''] = match
    return [{ pid: Number(pid), parent: Number(parent), startedAt: started.replace(/\s+/g, ' '), command }]
  })
}

/** Lines of pid, parent's pid, start as file time, command line, as `CIM_QUERY` prints them. Pure. */
export function parseCimTable(output: string): ProcessRow[] {
  return output.split('\n').flatMap((line) => {
    const match = /^\s*(\d+) (\d+) (\d*)(?: (.*?))?\s*$/.exec(line)
    if (!match) return []
    const [, pid, parent, startedAt = '', command = ''] = match
    return [{ pid: Number(pid), parent: Number(parent), startedAt, command }]
  })
}

const CIM_QUERY =
  "Get-CimInstance Win32_Process | ForEach-Object { '{0} {1} {2} {3}' -f $_.ProcessId, $_.ParentProcessId, $(if ($_.CreationDate) { $_.CreationDate.ToFileTimeUtc() }), $_.CommandLine }"

/** A look at the processes of this machine: one file each on Linux, one listing of all elsewhere. Throws where there is none. */
export async function processes(platform: NodeJS.Platform, signal: AbortSignal): Promise<Look> {
  if (platform === 'linux') return lookAtProc
  // Loaded only where there is no other way: it takes its time.
  const { execFile } = await import('node:child_process')
  const list = (file: string, args: string[]) =>
    new Promise<string>((resolve, reject) =>
      execFile(file, args, { signal, windowsHide: true, maxBuffer: 64 * 1024 * 1024, env: { LC_ALL: 'C' } }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      ),
    )
  const rows =
    platform === 'win32'
      ? parseCimTable(await list('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', CIM_QUERY]))
      : parsePsTable(await list('/bin/ps', ['-axww', '-o', 'pid=,ppid=,lstart=,command=']))
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  return (pid) => byPid.get(pid)
}

function lookAtProc(pid: number): ProcessRow | undefined {
  try {
    return parseProc(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'), readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
  } catch {
    return undefined // ended meanwhile
  }
}
