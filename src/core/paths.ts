import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs'

import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fail } from './errors.ts'

/** Where everything of one mesh stands. */
export interface Layout {
  readonly dataDir: string
  readonly database: string
  readonly sockets: string
  readonly token: string
  readonly port: string
  readonly log: string
}

export const layoutOf = (dataDir: string): Layout => ({
  dataDir,
  database: join(dataDir, 'mesh.db'),
  sockets: join(dataDir, 'peers'),
  token: join(dataDir, 'leader.token'),
  port: join(dataDir, 'port'),
  log: join(dataDir, 'mesh.log'),
})

/** SQLite's own files beside the database: looked at with `stat`, never opened. */
export const walOf = (database: string) => `${database}-wal`
export const indexOf = (database: string) => `${database}-shm`

/**
 * Makes the data directory, or refuses one in which others could plant files: this wall is what keeps the
 * other users of the machine out (G8). Returns its real path. Throws `unsafe`, `read_only` or `storage`.
 */
export function openDataDir(dataDir: string): Layout {
  makePrivateDir(dataDir)
  const layout = layoutOf(realpathSync(dataDir))
  makePrivateDir(layout.sockets)
  const database = lstatSync(layout.database, { throwIfNoEntry: false })
  if (database?.isSymbolicLink()) throw fail('unsafe', { path: layout.database, why: 'it is a symbolic link' })
  if (database && database.nlink > 1)
    throw fail('unsafe', {
      path: layout.database,
      why: 'it has a second name (a hard link), so two meshes could write it unprotected',
    })
  const token = lstatSync(layout.token, { throwIfNoEntry: false })
  if (token && !token.isFile()) throw fail('unsafe', { path: layout.token, why: 'it is a link or no regular file' })
  return layout
}

/** Makes a directory of mode 0700, narrows one of ours that others may only read, refuses anything else. */
export function makePrivateDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    if (!isThere(path)) throw unusable(path, error)
  }
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) throw fail('storage', { path, detail: 'it vanished while it was being made' })
  const why = whyUnsafe(stat, process.getuid?.(), process.platform)
  if (why) throw fail('unsafe', { path, why })
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) chmodSync(path, 0o700)
  try {
    // Asked here, where the directory can be named: SQLite would complain of the file in it.
    accessSync(path, constants.W_OK)
  } catch (error) {
    throw unusable(path, error)
  }
}

/** Whatever it is, a link that leads nowhere included. Below a file there is nothing. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return false
  }
}

/** Why a directory must not be trusted, or undefined. Pure; on Windows the profile's ACL is the wall. */
export function whyUnsafe(
  stat: Pick<Stats, 'mode' | 'uid' | 'isDirectory' | 'isSymbolicLink'>,
  uid: number | undefined,
  platform: NodeJS.Platform,
): string | undefined {
  if (stat.isSymbolicLink()) return 'it is a symbolic link'
  if (!stat.isDirectory()) return 'it is not a directory'
  if (platform === 'win32' || uid === undefined) return undefined
  if (stat.uid !== uid) return `it belongs to user ${stat.uid}, not to you (${uid})`
  if ((stat.mode & 0o022) !== 0) return `others may write to it (mode ${(stat.mode & 0o777).toString(8)})`
  return undefined
}

function unusable(path: string, error: unknown) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(EACCES|EPERM|EROFS)$/.test(code)
    ? fail('read_only', { path }, { cause: error })
    : fail('storage', { path, detail: error instanceof Error ? error.message : String(error) }, { cause: error })
}

/** Bytes that a socket's path may have; Node cuts longer ones silently, and a cut path is another peer's. */
const MAX_SOCKET_PATH: Partial<Record<NodeJS.Platform, number>> = { linux: 107, darwin: 103 }

/** The directories in which sockets of that data directory may stand, the wanted one first. Pure. */
export function socketDirs(dataDir: string, on: { tempDir: string; uid: number | string }): string[] {
  // Asked for here: loading it takes longer than all else that a hook does, and a hook makes no socket.
  const { createHash } = process.getBuiltinModule('node:crypto')
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 12)
  return [join(dataDir, 'peers'), join(on.tempDir, `slm-mesh-${on.uid}-${key}`), `/tmp/slm-mesh-${on.uid}-${key}`]
}

/** Where a socket of that data directory goes on that platform, and the directory to make for it. Pure. */
export function socketPlace(
  dataDir: string,
  shortId: string,
  on: { platform: NodeJS.Platform; tempDir: string; uid: number | string },
): { path: string; dir: string | null } {
  if (on.platform === 'win32') return { path: `\\\\.\\pipe\\slm-mesh-${shortId}`, dir: null }
  const limit = MAX_SOCKET_PATH[on.platform] ?? 103
  const fits = (path: string) => Buffer.byteLength(path) <= limit
  const dir = socketDirs(dataDir, on).find((candidate) => fits(join(candidate, `${shortId}.sock`)))
  if (dir === undefined) throw fail('storage', { path: dataDir, detail: 'no socket path fits the limit of this platform' })
  return { path: join(dir, `${shortId}.sock`), dir }
}

/** What of this machine and user decides where sockets stand. */
export const socketSite = () => ({ platform: process.platform, tempDir: tmpdir(), uid: process.getuid?.() ?? 'user' })

/** A place for a new socket, in a directory that only we can enter. */
export function newSocketPath(dataDir: string, shortId: string): string {
  const place = socketPlace(dataDir, shortId, socketSite())
  if (place.dir) makePrivateDir(place.dir)
  return place.path
}

/** Removes the socket that a dead process left behind; a named pipe has gone with its process. */
export function removeSocket(path: string): void {
  if (!path.startsWith('\\\\.\\pipe\\')) rmSync(path, { force: true })
}

/** Makes the directory of a socket again where somebody has cleaned it away, as systems do below /tmp. */
export function makeSocketDir(socketPath: string): void {
  if (process.platform !== 'win32') makePrivateDir(dirname(socketPath))
}

/** Removes a socket's directory outside the data directory once nobody has a socket in it. */
export function leaveSocketDir(dataDir: string, socketPath: string): void {
  if (process.platform === 'win32' || dirname(socketPath) === layoutOf(dataDir).sockets) return
  try {
    rmdirSync(dirname(socketPath))
  } catch {
    // Others are still there, or have removed it.
  }
}

/** True while something stands at that path; for sockets, which their owner must notice being removed. */
export const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined
