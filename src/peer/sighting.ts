/** How systems tell of a process, as text. Pure, and light: nothing is loaded for it. */

/**
 * Is this still that process? A pid alone says nothing: it is reused, and a killed process answers `kill(pid, 0)`
 * until its parent has reaped it. Pid, start time and state together do.
 */
export interface Sighting {
  /** Opaque, equal for the same process: clock ticks since boot on Linux, a date elsewhere. */
  readonly startedAt: string
  /** Killed, and only waiting to be reaped. */
  readonly ended: boolean
}

/** `/proc/PID/stat`: the command, which may contain anything, stands between the first `(` and the last `)`. Pure. */
export function parseProcStat(stat: string): Sighting | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, startTime] = [fields[0], fields[19]] // fields 3 and 22 of proc(5)
  if (state === undefined || startTime === undefined || !/^\d+$/.test(startTime)) return undefined
  return { startedAt: startTime, ended: state === 'Z' || state === 'X' }
}

/** `ps -o state=,lstart= -p PID` of macOS and the BSDs: a state such as `S+`, then a date. Pure. */
export function parsePs(line: string): Sighting | undefined {
  const match = /^\s*([A-Z])\S*\s+(\S.*\d{4})\s*$/.exec(line)
  return match?.[2] === undefined ? undefined : { startedAt: match[2].replace(/\s+/g, ' '), ended: match[1] === 'Z' }
}

/** PowerShell's `(Get-Process -Id PID).StartTime.ToFileTimeUtc()`: 100 ns since 1601. Pure. */
export function parseFileTime(line: string): Sighting | undefined {
  const time = line.trim()
  return /^\d{15,20}$/.test(time) ? { startedAt: time, ended: false } : undefined
}
