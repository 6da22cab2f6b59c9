import { fail, MeshError } from '../errors.ts'

/** SQLite's and the file system's errors become ours here and nowhere else. */

/** How long a write waits for the others before its caller is told `busy`. */
export const BUSY_DEADLINE_MS = 5_000

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

export const isBusy = (error: unknown) => /^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(codeOf(error))

/** What SQLite says of a statement that does not fit the schema, or of a row that the schema or an index forbids. */
export const isRefused = (error: unknown) => /^SQLITE_(ERROR$|CONSTRAINT|MISMATCH$)/.test(codeOf(error))

/** Where nothing else accounts for it, such an error is a bug of ours; or it met a value of a kind that is never written. */
export const mayBeDamage = (error: unknown) =>
  isRefused(error) || error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError

/** Node's answer where the library's compiled part is not there, or is one for another Node; what else there is passes. */
export function notLoaded(error: unknown): unknown {
  if (!/^(ERR_DLOPEN_FAILED|MODULE_NOT_FOUND)$/.test(codeOf(error)) || !(error instanceof Error)) return error
  const [detail = ''] = error.message.split(/\nRequire stack|\.\s/)
  return fail('library_unfit', { detail: detail.replaceAll('\n', ' ') }, { cause: error })
}

/** SQLite's and the file system's errors become ours here and nowhere else. Anything unknown passes through as a bug. */
export function translate(error: unknown, path: string): unknown {
  if (error instanceof MeshError) return error
  const code = codeOf(error)
  const detail = error instanceof Error ? error.message : String(error)
  const cause = { cause: error }
  if (isBusy(error)) return fail('busy', { path, waitedMs: BUSY_DEADLINE_MS }, cause)
  // SHMSIZE: there was no room to make or grow the WAL's index.
  if (/^(SQLITE_FULL|SQLITE_IOERR_SHMSIZE|ENOSPC|EDQUOT)$/.test(code)) return fail('disk_full', { path }, cause)
  if (code.startsWith('SQLITE_READONLY') || /^(EACCES|EPERM|EROFS)$/.test(code)) return fail('read_only', { path }, cause)
  // SHORT_READ: it ends before it should.
  if (/^SQLITE_(CORRUPT|NOTADB$|IOERR_SHORT_READ$)/.test(code)) return fail('corrupt', { path, detail, recurring: false }, cause)
  if (/^SQLITE_(CANTOPEN|IOERR|AUTH|PERM)/.test(code) || /^E[A-Z]+$/.test(code)) return fail('storage', { path, detail }, cause)
  return error
}
