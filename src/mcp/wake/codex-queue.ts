import { spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import type { Environment } from '../../core/config.ts'
import type { WakeRoute } from '../waking.ts'

/**
 * Codex's `queue` (0.149 and later) gives a thread that is open in its terminal a message: an idle one begins a turn, a
 * busy one takes it when its turn has ended. The text comes as the user's, so it says who speaks. The thread is known from
 * what a call of ours has carried; one that `codex exec` runs ends with its turn, and is left alone. It says
 * "queued" whether or not anybody takes it, so nothing is proven.
 *
 * Source: `codex queue --help`; seen with 0.169, with its daemon (after 1.5 s) and without (3.5 s).
 */

const PATIENCE_MS = 15_000

export interface CodexThread {
  readonly id: string
  /** Run by `codex exec`: nobody sits before it. */
  readonly isBatch: boolean
}

export function codexQueue(env: Environment, thread: () => CodexThread | undefined): WakeRoute {
  let isMissing = false
  return {
    name: 'codex-queue',
    isOpen() {
      const known = thread()
      return !isMissing && known !== undefined && !known.isBatch
    },
    async wake(text) {
      const known = thread()
      if (!known) return false
      try {
        await run(codexProgram(process.platform, process.ppid), ['queue', '--thread', known.id, '--message', text], env)
      } catch (error) {
        isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
        throw error
      }
      return false
    },
  }
}

/** What a call's `_meta` says of the thread. */
export function threadOf(meta: Readonly<Record<string, unknown>> | undefined): CodexThread | undefined {
  const id = meta?.threadId
  if (typeof id !== 'string' || !/^[\w-]{1,100}$/.test(id)) return undefined
  const turn = meta?.['x-codex-turn-metadata']
  const isBatch = typeof turn === 'object' && turn !== null && 'turn_trigger' in turn && turn.turn_trigger === 'exec'
  return { id, isBatch }
}

/** Codex gives its servers no PATH; but it is our parent, and one program for everything. */
export function codexProgram(platform: NodeJS.Platform, parentPid: number): string {
  if (platform === 'linux') {
    try {
      const parent = readlinkSync(`/proc/${parentPid}/exe`)
      if (basename(parent).startsWith('codex')) return parent
    } catch {
      // Not ours to see.
    }
  }
  return 'codex'
}

function run(program: string, args: readonly string[], env: Environment): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: PATIENCE_MS, windowsHide: true })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < 500) said += chunk.toString('utf8')
    })
    child.once('error', reject)
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`codex queue ended with ${code}: ${said.trim()}`))))
  })
}
