import type { Environment } from '../../core/config.ts'
import { output } from '../output.ts'
import { type HookWords, runHook } from './run.ts'

/** `slm-mesh hook …` by the shortest way, from this process's own words and streams. */
export function hook(args: readonly string[], process: NodeJS.Process, env: Environment): Promise<number> {
  return runHook(wordsOf(args), {
    env,
    cwd: process.cwd(),
    input: (signal) => readAll(process.stdin, signal),
    out: taken(output(1, () => process.stdout)),
    err: taken(output(2, () => process.stderr)),
  })
}

/**
 * An option that is not known is left out: a complaint with exit code 2 would stop an agent's every step, because its
 * settings are of another version.
 */
function wordsOf(args: readonly string[]): HookWords {
  const words: string[] = []
  let dataDir: string | undefined
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    if (arg === '--data-dir') dataDir = args[++i]
    else if (arg.startsWith('--data-dir=')) dataDir = arg.slice('--data-dir='.length)
    else if (!arg.startsWith('-')) words.push(arg)
  }
  const [agent = '', event = ''] = words
  return { agent, event, autoLock: args.includes('--auto-lock'), failClosed: args.includes('--fail-closed'), dataDir }
}

/** More than any tool's input that an agent sends. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024

function readAll(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (stdin.isTTY) return reject(new Error('standard input is a terminal'))
    const chunks: Buffer[] = []
    let bytes = 0
    const give = (why: string) => {
      stdin.destroy()
      reject(new Error(why))
    }
    signal.addEventListener('abort', () => give('standard input has no end'), { once: true })
    stdin.on('error', (error) => give(error.message))
    stdin.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_INPUT_BYTES) give('standard input is too long')
    })
    stdin.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
  })
}

const taken =
  (write: ReturnType<typeof output>) =>
  (text: string): Promise<boolean> =>
    new Promise((resolve) => write(text, (error) => resolve(!error)))
