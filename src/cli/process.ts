import { isUtf8 } from 'node:buffer'
import { isatty, type ReadStream } from 'node:tty'
import type { Environment } from '../core/config.ts'
import { misused } from './command.ts'
import { isPlain, output } from './output.ts'
import type { Terminal } from './terminal.ts'

/** This process's own streams, as commands see them. */

const DEFAULT_SIZE = { columns: 80, rows: 24 }

/** `onGone`: nobody reads standard output any more. */
export function processTerminal(process: NodeJS.Process, env: Environment, onGone: () => void): Terminal {
  const out = output(1, () => process.stdout)
  const err = output(2, () => process.stderr)
  const isTty = !isPlain(1) && process.stdout.isTTY === true
  const size = () => {
    const { columns, rows } = process.stdout
    return { columns: columns || DEFAULT_SIZE.columns, rows: rows || DEFAULT_SIZE.rows }
  }
  return {
    out: (text) => out(text, (error) => error && onGone()),
    // Nobody reads our complaints any more: no reason to end.
    err: (text) => err(text, () => {}),
    isTty,
    colour: isTty && !env.NO_COLOR && env.TERM !== 'dumb',
    size: isTty ? size : () => DEFAULT_SIZE,
    // Asked without touching standard input, which few commands read and which takes milliseconds to set up. A terminal's
    // is a ReadStream.
    ...(isTty && isatty(0) && { keys: (on, leave) => listen(process, process.stdin as ReadStream, on, leave ?? '') }),
  }
}

const END_OF_INPUT = '\u0004'

function listen(
  process: NodeJS.Process,
  stdin: ReadStream,
  on: { key(key: string): void; resize(): void },
  leave: string,
): Disposable {
  const { stdout } = process
  const onData = (chunk: Buffer) => on.key(chunk.toString('utf8'))
  let isGone = false
  const onGone = () => {
    isGone = true
    on.key(END_OF_INPUT)
  }
  const onContinued = () => {
    // Whoever had the terminal while we were stopped has set it as it liked.
    stdin.setRawMode(false).setRawMode(true)
    on.resize()
  }
  const end = () => {
    stdin.off('data', onData).off('end', onGone)
    stdout.off('resize', on.resize)
    process.off('SIGCONT', onContinued).off('uncaughtExceptionMonitor', end).off('exit', end)
    stdin.setRawMode(false)
    stdin.pause()
    if (isGone) process.once('exit', () => dieOfHangUp(process))
    else if (leave !== '') stdout.write(leave)
  }
  // Stays: a terminal that has gone away says so whenever it is touched.
  stdin.on('error', onGone)
  stdin.setRawMode(true)
  stdin.on('data', onData).on('end', onGone)
  stdin.resume()
  stdout.on('resize', on.resize)
  process.on('SIGCONT', onContinued).on('uncaughtExceptionMonitor', end).on('exit', end)
  return { [Symbol.dispose]: end }
}

/** Node aborts, with a core dump, when it ends by itself and cannot give back a terminal that is no longer there. */
function dieOfHangUp(process: NodeJS.Process): void {
  process.removeAllListeners('SIGHUP')
  process.kill(process.pid, 'SIGHUP')
}

/** Standard input as text, to its end. Throws `invalid` for what is no text: nothing of it would be kept as it was. */
export async function readInput(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) throw misused('standard input is not UTF-8 text')
  return bytes.toString('utf8')
}
