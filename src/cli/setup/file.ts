import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  existsSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Other programs' configuration files: read whole, written so that nobody ever sees half of one. */

export interface Content {
  readonly bytes: Buffer
  /** Without its byte order mark. */
  readonly text: string
  readonly mark: string
}

/** Why a file is left alone. */
export class Refusal extends Error {
  constructor(
    readonly file: string,
    readonly why: string,
    readonly line?: number,
  ) {
    super(`${file}${line === undefined ? '' : `, line ${line}`}: ${why}`)
  }
}

const MARK = '\uFEFF'
const MAX_BYTES = 64 * 1024 * 1024

/** Undefined where there is none; a link that leads nowhere counts as none. */
export function readContent(file: string): Content | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (!stat) return undefined
  if (!stat.isFile()) throw new Refusal(file, 'it is no regular file')
  if (stat.size > MAX_BYTES) throw new Refusal(file, 'it is too large')
  const bytes = readFileSync(file)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const mark = text.startsWith(MARK) ? MARK : ''
    return { bytes, mark, text: text.slice(mark.length) }
  } catch {
    throw new Refusal(file, 'it is not UTF-8')
  }
}

export const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** Modes of what did not exist before: the user's own, or a project's that others share. */
export type Kind = 'user' | 'project'
const MODES = { user: { file: 0o600, dir: 0o700 }, project: { file: 0o644, dir: 0o755 } } as const

/** The directories on the way to a file that are missing, the deepest first. */
export function missingDirs(file: string): string[] {
  const missing: string[] = []
  for (let dir = dirname(targetOf(file)); !existsSync(dir) && dir !== dirname(dir); dir = dirname(dir)) missing.push(dir)
  return missing
}

/** In one step, where links lead; mode and owner stay. */
export function writeContent(file: string, bytes: Buffer, kind: Kind): void {
  const target = targetOf(file)
  for (const dir of missingDirs(file).reverse()) {
    mkdirSync(dir)
    chmodSync(dir, MODES[kind].dir)
  }
  const old = statSync(target, { throwIfNoEntry: false })
  const temporary = `${target}.slm-mesh-${process.pid}`
  try {
    const fd = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(fd, bytes)
      if (old && process.getuid && (old.uid !== process.getuid() || old.gid !== process.getgid?.())) giveTo(fd, old)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    chmodSync(temporary, (old?.mode ?? MODES[kind].file) & 0o7777)
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function giveTo(fd: number, { uid, gid }: { uid: number; gid: number }): void {
  try {
    fchownSync(fd, uid, gid)
  } catch {
    // Only root may give files away; the file's group alone is not worth failing for.
  }
}

/** What was made for it goes with it, where it is still empty. */
export function removeContent(file: string, madeDirs: readonly string[]): void {
  rmSync(targetOf(file), { force: true })
  for (const dir of madeDirs) {
    try {
      rmdirSync(dir)
    } catch {
      return
    }
  }
}

const MAX_LINKS = 40

/** Where a chain of links leads, whether or not there is something. */
function targetOf(file: string): string {
  let path = file
  for (let i = 0; i < MAX_LINKS; i++) {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path
    path = resolve(realpathSync(dirname(path)), readlinkSync(path))
  }
  throw new Refusal(file, 'its links lead in a circle')
}
