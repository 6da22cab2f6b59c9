import { canonicalPath, type FilePath, pathInRepo } from './file-path.ts'
import type { LockRow } from './lock.ts'
import type { Place } from './peer.ts'
import type { Sql } from './sql.ts'

/**
 * Which file a path is to everybody on the mesh, and how it is shown to each. On one machine a file is its canonical path
 * (file-path.ts). On several, a file of a repository is that file of it in every clone (nats/path-scheme.ts).
 */

/** From where somebody looks: relative paths begin there, and files of that repository are shown as they stand in it. */
export type Standpoint = Pick<Place, 'projectPath' | 'gitRoot' | 'repo'>

/** A path, and where it stands in its repository, to recognise the same file in another worktree. */
export interface Located extends FilePath {
  readonly repo: string | null
  readonly repoPath: string | null
}

/** A path as it was written down, by a machine in one of its boots. */
export type Written = Pick<LockRow, 'file_path' | 'path_key' | 'repo' | 'repo_path' | 'boot_id'>

export interface Shown {
  readonly filePath: string
  /** The machine that it was written down on, where that is another. */
  readonly host?: string
}

export interface PathScheme {
  /** A file may be written in several clones, under one key. */
  readonly isShared: boolean
  /** What the repository with that common git directory is called. */
  repoOf(commonDir: string): string
  /** Throws `invalid` for a relative path of a caller that works nowhere (an empty `projectPath`). */
  locate(path: string, from: Standpoint): Located
  /** How that path is shown to somebody; without a viewer, to anybody on this machine. */
  shown(sql: Sql, written: Written, viewer: Standpoint | null): Shown
  /** The same for somebody who may be on another machine, in that boot of it. */
  shownTo(sql: Sql, written: Written, viewer: Standpoint, bootId: string): string
  /** Where it really stands: for somebody on another machine than that, with the machine's name. */
  placed(sql: Sql, written: Written, bootId: string): string
  /** Whether it is one file on one disk, and not the same file of two clones. */
  isSameFile(a: Written, b: Written): boolean
  /** Of all locks those that overlap a path although their keys do not. */
  nested<Row extends Written>(path: FilePath, all: () => readonly Row[]): readonly Row[]
  /** What an event says of a path, so that every machine can show it in its own way. */
  told(sql: Sql, written: Written): { filePath: string }
  /** What an event has said, as it is shown on this machine. */
  heard(sql: Sql, payload: Record<string, unknown>): Record<string, unknown>
}

/** One machine: a file is its path. */
export const embeddedPaths: PathScheme = {
  isShared: false,
  repoOf: (commonDir) => commonDir,
  locate(path, { projectPath, gitRoot, repo }) {
    const located = canonicalPath(path, projectPath)
    const repoPath = pathInRepo(located.filePath, gitRoot)
    return { ...located, repo: repoPath === null ? null : repo, repoPath }
  },
  shown: (_sql, { file_path }) => ({ filePath: file_path }),
  shownTo: (_sql, { file_path }) => file_path,
  placed: (_sql, { file_path }) => file_path,
  isSameFile: (a, b) => a.path_key === b.path_key,
  nested: () => [],
  told: (_sql, { file_path }) => ({ filePath: file_path }),
  heard: (_sql, payload) => payload,
}
