import { readFileSync } from 'node:fs'

/** More than any shell and npx put between an agent and its server. */
const MAX_ANCESTORS = 5

/**
 * The words with which the processes above `pid` were started, nearest first. Only where that costs no process (Linux);
 * nothing elsewhere.
 */
export function wordsOf(pid: number, read = (path: string) => readFileSync(path, 'utf8')): string[] {
  const words: string[] = []
  try {
    for (let at = pid, i = 0; at > 1 && i < MAX_ANCESTORS; i++) {
      words.push(...read(`/proc/${at}/cmdline`).split('\0'))
      at = Number(/\nPPid:\s*(\d+)/.exec(read(`/proc/${at}/status`))?.[1] ?? 0)
    }
  } catch {
    // Not Linux, or gone, or not ours to see.
  }
  return words
}
