import { isUtf8 } from 'node:buffer'
import type { ReadStream } from 'node:tty'
import type { Environment } from '../core/config.ts'
import { misused } from './command.ts'
import type { Terminal } from './terminal.ts'

/** This process's own streams, as commands see them. */

const DEFAULT_SIZE = { columns: 80, rows: 24 }

export function processTerminal(process: NodeJS.Process, env: Environment): Terminal {
  const { stdin, stdout, stderr } = process
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isTty: stdout.isTTY ?? false,
    colour: (stdout.isTTY ?? false) && !env.NO_COLOR && env.TERM !== 'dumb',
    size: () => ({ columns: stdout.columns || DEFAULT_SIZE.columns, rows: stdout.rows || DEFAULT_SIZE.rows }),
    ...(stdin.isTTY && stdout.isTTY && { keys: (on) => listen(stdin as ReadStream, stdout, on) }), // isTTY says that it is one
  }
}

function listen(stdin: ReadStream, stdout: NodeJS.WriteStream, on: { key(key: string): void; resize(): void }): Disposable {
  const onData = (chunk: Buffer) => on.key(chunk.toString('utf8'))
  stdin.setRawMode(true)
  stdin.on('data', onData)
  stdin.resume()
  stdout.on('resize', on.resize)
  return {
    [Symbol.dispose]() {
      stdin.off('data', onData)
      stdout.off('resize', on.resize)
      stdin.setRawMode(false)
      stdin.pause()
    },
  }
}

/** Standard input as text, to its end. Throws `invalid` for what is no text: nothing of it would be kept as it was. */
export async function readInput(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) throw misused('standard input is not UTF-8 text')
  return bytes.toString('utf8')
}
