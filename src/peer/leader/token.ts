import { createHash, randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, renameSync, rmSync, writeSync } from 'node:fs'

/**
 * A bearer token that is new each term: 32 random bytes. The file (0600) is what a client reads; the term row holds
 * only its SHA-256. Written beside and renamed, so that nobody ever reads half of one, and never through a link.
 */
export function writeToken(path: string): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  writePrivately(path, `${token}\n`)
  return { token, hash: createHash('sha256').update(token).digest('hex') }
}

/** Replaces a small file of mode 0600 atomically. */
export function writePrivately(path: string, content: string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`
  const noFollow = constants.O_NOFOLLOW ?? 0 // Windows has none
  const file = openSync(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | noFollow, 0o600)
  try {
    try {
      writeSync(file, content)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
