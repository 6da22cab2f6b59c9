import { createHash, randomBytes } from 'node:crypto'
import { writePrivately } from '../../core/private-file.ts'

/**
 * A bearer token that is new each term: 32 random bytes. The file (0600) is what a client reads; the term row holds
 * only its SHA-256.
 */
export function writeToken(path: string): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  writePrivately(path, `${token}\n`)
  return { token, hash: createHash('sha256').update(token).digest('hex') }
}
