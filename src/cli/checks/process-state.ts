import { readFileSync } from 'node:fs'

const WORDS: Readonly<Record<string, string>> = {
  R: 'running',
  S: 'waiting',
  D: 'waiting for a disk',
  I: 'idle',
  T: 'stopped',
  t: 'stopped by a debugger',
  Z: 'ended',
  X: 'ended',
}

/** What that process does at this moment, in a word; undefined where that cannot be told. Linux only. */
export function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return WORDS[stat.charAt(stat.lastIndexOf(')') + 2)]
  } catch {
    return undefined
  }
}
