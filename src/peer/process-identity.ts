import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { bootSeen, hostOf } from '../core/lifetime.ts'
import type { ProcessRef } from '../core/peer.ts'
import { parseFileTime, parseProcStat, parsePs, type Sighting } from './sighting.ts'

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

/** True only where it is certain that the process has ended. Of another container or host nothing is certain. */
export function isGone(that: ProcessRef, on: { bootId: string; pidNamespace: string } = here, look = sight): boolean {
  const boot = bootSeen(bootFrom(that.bootId, on.bootId), on.bootId)
  if (boot !== 'this') return boot === 'earlier'
  if (that.pidNamespace !== on.pidNamespace) return false
  const seen = look(that.pid)
  return seen === undefined || seen.ended || seen.startedAt !== that.startedAt
}

/** The same, seen from that boot of that machine of a mesh that has several: a process of another is never gone for certain. */
export const isGoneSeenFrom = (that: ProcessRef, bootId: string): boolean => isGone(that, { ...here, bootId })

/**
 * Who knows no host id (a command) knows the boot that it runs in: it is the same one, whatever the host is called. Where the
 * system names no boot, its name is that of the platform, and that of other machines.
 */
const bootFrom = (bootId: string, here: string) =>
  hostOf(here) === '' && here !== process.platform && bootId.endsWith(`/${here}`) ? here : bootId

/** True only where it is certain that this very process still runs: what may be sent a signal. */
export function isStill(that: ProcessRef, on: { bootId: string; pidNamespace: string } = here, look = sight): boolean {
  if (bootFrom(that.bootId, on.bootId) !== on.bootId || that.pidNamespace !== on.pidNamespace || that.pid <= 0) return false
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
