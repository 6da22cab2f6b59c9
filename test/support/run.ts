import { spawn } from 'node:child_process'
import { PROGRAM } from './agent.ts'

/** The built program at a shell that is no terminal: what it printed, and how it ended. */
export function run(
  args: readonly string[],
  env: Record<string, string> = {},
  /** The program and its arguments before ours; default: this Node. */
  [command = process.execPath, ...before]: readonly string[] = [],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(command, [...before, PROGRAM, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}
