import { spawn } from 'node:child_process'
import { PROGRAM } from './agent.ts'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface RunOptions {
  input?: string | Buffer
  cwd?: string
}

/** The built program at a shell that is no terminal: what it printed, and how it ended. */
export function run(
  args: readonly string[],
  env: Record<string, string> = {},
  {
    command: [command = process.execPath, ...before] = [],
    ...options
  }: RunOptions & {
    /** The program and its arguments before ours; default: this Node. */
    command?: readonly string[]
  } = {},
): Promise<Ran> {
  return runOther(command, [...before, PROGRAM, ...args], env, options)
}

/** The same with any other program. */
export function runOther(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  { input, cwd }: RunOptions = {},
): Promise<Ran> {
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  })
  // It may have ended before it has read everything.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout?.on('data', (chunk) => out.push(chunk))
  child.stderr?.on('data', (chunk) => err.push(chunk))
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('utf8')
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out: text(out), err: text(err) })))
}
