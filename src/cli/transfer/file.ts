import { isUtf8 } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { misused } from '../command.ts'

/** Writes the lines beside the file, for nobody else to read, and puts them into its place once they are whole. */
export async function writeExport(path: string, lines: AsyncIterable<string>): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const noFollow = constants.O_NOFOLLOW ?? 0 // Windows has none
  const file = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | noFollow, 0o600)
  try {
    try {
      for await (const line of lines) writeSync(file, line)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

export function readExport(path: string): string {
  const bytes = readFileSync(path)
  if (!isUtf8(bytes)) throw misused(`${path} is not UTF-8 text`)
  return bytes.toString('utf8')
}
