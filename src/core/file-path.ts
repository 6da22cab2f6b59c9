import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fail } from './errors.ts'

/**
 * One file, one key, whatever name it is called by: absolute against the caller's project, `..` and trailing slashes
 * gone, symlinks of everything that exists resolved, Unicode composed, case folded where the file system folds it.
 * The file itself is never opened, and need not exist.
 */
export interface FilePath {
  /** What is shown: canonical, with the case in which it was first asked for. */
  readonly filePath: string
  /** What is compared. Components are separated by `/` on every platform. */
  readonly key: string
}

/** As long a chain of dangling links as Linux itself would follow. */
const MAX_LINKS = 40

/** Throws `invalid` for a relative path of a caller that works nowhere (an empty `projectPath`). */
export function canonicalPath(path: string, projectPath: string): FilePath {
  if (projectPath === '' && !isAbsolute(path))
    throw fail('invalid', { operation: 'filePath', issues: [`${path} must be absolute: this caller works in no directory`] })
  const filePath = resolveLinks(resolve(projectPath, path), MAX_LINKS)
  return { filePath, key: pathKey(filePath, { folds: foldsCase(filePath), separator: sep }) }
}

/**
 * Pure: how a canonical path is compared. Folded down, up and down again, because letters share forms (σ and ς, ẞ and ß):
 * rather one lock for two files than two for one.
 */
export function pathKey(filePath: string, on: { folds: boolean; separator: string }): string {
  const composed = filePath.normalize('NFC').split(on.separator).join('/')
  const key = composed.length > 1 && composed.endsWith('/') ? composed.slice(0, -1) : composed
  return on.folds ? key.toLowerCase().toUpperCase().toLowerCase().normalize('NFC') : key
}

/** The keys of all directories above, nearest last: a lock on any of them covers this path. Pure. */
export function keysAbove(key: string): string[] {
  if (key === '/') return []
  const parts = key.split('/')
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/') || '/')
}

/** The half-open range of keys below a directory: `/` is followed by `0` in ASCII, and no path contains NUL. Pure. */
export const keysBelow = (key: string): [from: string, to: string] => (key === '/' ? ['/\u0001', '0'] : [`${key}/`, `${key}0`])

/** The path inside its work tree, with `/`, or null where it stands outside. */
export function pathInRepo(filePath: string, gitRoot: string | null): string | null {
  if (gitRoot === null) return null
  const inside = relative(gitRoot, filePath)
  return inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)
    ? null
    : inside.split(sep).join('/')
}

function resolveLinks(path: string, linksLeft: number): string {
  try {
    return realpathSync.native(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    if (code === 'ELOOP' || linksLeft === 0)
      throw fail('invalid', { operation: 'filePath', issues: [`${path} is a loop of symbolic links`] }, { cause: error })
    if (code === 'ENAMETOOLONG')
      throw fail(
        'invalid',
        { operation: 'filePath', issues: [`${path} has a name longer than the file system allows`] },
        { cause: error },
      )
  }
  // It does not exist (yet), or may not be looked at: its nearest ancestor that can be resolved decides.
  const parent = dirname(path)
  if (parent === path) return path
  const here = join(resolveLinks(parent, linksLeft), basename(path))
  const isLink = lstat(here)?.isSymbolicLink() ?? false
  return isLink ? resolveLinks(resolve(dirname(here), readlinkSync(here)), linksLeft - 1) : here
}

const lstat = (path: string) => {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined // below a file, or in a directory that may not be read
  }
}

/**
 * Whether the file system finds the nearest existing ancestor, or the file, under the other case as well. A link of that
 * name proves nothing: neither a symbolic one, nor a second name of one file.
 */
function foldsCase(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    const swapped = join(dirname(at), swapCase(basename(at)))
    const found = lstat(at)
    if (found && swapped !== at && (found.isDirectory() || found.nlink === 1)) {
      const other = lstat(swapped)
      return other !== undefined && other.ino === found.ino && other.dev === found.dev
    }
    if (dirname(at) === at) return process.platform === 'win32'
  }
}

/** ASCII letters only: others have no single other case (ß), or not the same one on every file system. */
const swapCase = (name: string) => name.replace(/[a-z]/gi, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()))
