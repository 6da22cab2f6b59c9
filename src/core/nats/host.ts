import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../errors.ts'
import { codeOf } from '../sqlite/sqlite-errors.ts'

/** Which machine this is, for the mesh: a random id beside the copy, made with it. It stays when the file is made anew. */

const ID = /^[0-9a-f]{16}$/

export function hostIdOf(dataDir: string): string {
  const path = join(dataDir, 'host')
  const known = read(path)
  if (known !== undefined) return known
  const id = randomBytes(8).toString('hex')
  const mine = `${path}.${id}`
  writeFileSync(mine, `${id}\n`, { mode: 0o600 })
  try {
    // Complete before it is seen, and never over another's: two processes may begin at once.
    linkSync(mine, path)
    return id
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    const theirs = read(path)
    if (theirs === undefined) throw fail('storage', { path, detail: 'it does not hold the id of a machine' })
    return theirs
  } finally {
    rmSync(mine, { force: true })
  }
}

function read(path: string): string | undefined {
  try {
    const id = readFileSync(path, 'utf8').trim()
    if (ID.test(id)) return id
    throw fail('storage', { path, detail: 'it does not hold the id of a machine' })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
