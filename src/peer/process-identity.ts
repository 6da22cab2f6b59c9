import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import type { ProcessRef } from '../core/peers.ts'

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

/** Looks at a process of this machine; undefined where there is none. 26 µs on Linux, a child process elsewhere. */
export function sight(pid: number, platform: NodeJS.Platform = process.platform): Sighting | undefined {
  try {
    if (platform === 'linux') return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    // The cheap question first: most of what is asked about is gone.
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return undefined
  }
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      windowsHide: true,
    }
    if (platform === 'win32') {
      const command = `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`
      return parseFileTime(execFileSync('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', command], options))
    }
    return parsePs(execFileSync('/bin/ps', ['-o', 'state=,lstart=', '-p', String(pid)], { ...options, env: { LC_ALL: 'C' } }))
  } catch {
    return undefined
  }
}

const here = { bootId: systemClock.bootId, pidNamespace: pidNamespace() }

/** This process, as others will have to recognise it. */
export const ownProcess = (): ProcessRef => ({ pid: process.pid, startedAt: sight(process.pid)?.startedAt ?? '', ...here })

/**
 * Another process, as it can be recognised later. One that cannot be seen from here (of a container, say) belongs to a
 * namespace of its own, so that its end is never taken for certain.
 */
export function processRef(pid: number): ProcessRef {
  const seen = sight(pid)
  return { pid, bootId: here.bootId, startedAt: seen?.startedAt ?? '', pidNamespace: seen ? here.pidNamespace : 'unseen' }
}

/** The process that started this one. It is recorded while it lives: an orphan finds its adopter here instead. */
export function parentProcess(): Pick<ProcessRef, 'pid' | 'startedAt'> | undefined {
  const seen = sight(process.ppid)
  return seen && { pid: process.ppid, startedAt: seen.startedAt }
}

/** True only where it is certain that the process has ended. Of another container nothing is certain. */
export function isGone(that: ProcessRef, on: { bootId: string; pidNamespace: string } = here, look = sight): boolean {
  if (that.bootId !== on.bootId) return true
  if (that.pidNamespace !== on.pidNamespace) return false
  const seen = look(that.pid)
  return seen === undefined || seen.ended || seen.startedAt !== that.startedAt
}

/** True only where it is certain that this very process still runs: what may be sent a signal. */
export function isStill(that: ProcessRef, on: { bootId: string; pidNamespace: string } = here, look = sight): boolean {
  if (that.bootId !== on.bootId || that.pidNamespace !== on.pidNamespace || that.pid <= 0) return false
  const seen = look(that.pid)
  return seen !== undefined && !seen.ended && seen.startedAt === that.startedAt
}

function pidNamespace(): string {
  try {
    return process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : ''
  } catch {
    return ''
  }
}
