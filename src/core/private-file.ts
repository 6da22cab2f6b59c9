import { randomBytes } from 'node:crypto'
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Files that nobody else may read, replaced whole or not at all: written beside, and never through a link. */

/** A small file. Throws what the file system says. */
export function writePrivately(path: string, content: string | Uint8Array): void {
  using file = replacing(path)
  file.write(content)
  file.keep()
}

/** One of any size, on the disk once this resolves. Rejects with what the file system says, and what `lines` throw. */
export async function writeLinesPrivately(path: string, lines: AsyncIterable<string>): Promise<void> {
  using file = replacing(path)
  for await (const line of lines) file.write(line)
  file.flush()
  file.keep()
}

/** A new file of mode 0600 beside `path`, which is gone again unless it is kept. */
function replacing(path: string) {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
  const noFollow = constants.O_NOFOLLOW ?? 0 // Windows has none
  const file = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | noFollow, 0o600)
  let isOpen = true
  let isKept = false
  const close = () => {
    if (isOpen) closeSync(file)
    isOpen = false
  }
  return {
    /** All of it: on a disk that is filling up, the system may take a part and say so without an error. */
    write: (content: string | Uint8Array) => writeFileSync(file, content),
    flush: () => fsyncSync(file),
    keep() {
      close()
      renameSync(temporary, path)
      isKept = true
    },
    [Symbol.dispose]() {
      close()
      if (!isKept) rmSync(temporary, { force: true })
    },
  }
}
