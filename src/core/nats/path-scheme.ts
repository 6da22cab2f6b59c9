import { existsSync, statSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { canonicalPath, keysAbove, pathInRepo, pathKey } from '../file-path.ts'
import { hostOf } from '../lifetime.ts'
import type { LockRow } from '../lock.ts'
import type { Located, PathScheme, Written } from '../path-scheme.ts'
import { repositoryName } from '../remote.ts'
import { repositoryAround } from '../repository.ts'
import * as z from '../schema.ts'
import type { Sql } from '../sql.ts'

/**
 * Paths on a mesh of several machines. A file in a repository that has a name (remote.ts) is `<name>/<path in it>`, in
 * whatever clone, worktree or machine: one lock for all of them. Any other file is `<host id>:<path>`, one of its machine.
 *
 * Everybody is shown the path as it is here: in the viewer's own clone, else in another one of this machine, else
 * `<host name>:<path>` as its holder has it. That last form is understood again for a path that is locked.
 *
 * Keys are folded on every machine, as one of them may have a file system that does: rather one lock for two files than two
 * for one. A lock on a directory covers the repositories below it (submodules, clones) on its own machine only: elsewhere
 * nobody knows what stands where.
 */

interface SharedPathsOptions {
  readonly hostId: string
  /** What a host calls itself; undefined where it is not known (any more). */
  readonly hostName?: (sql: Sql, hostId: string) => string | undefined
  /** Looks into the mesh. Without it, no path of another machine is understood. */
  readonly read?: <T>(query: (sql: Sql) => T) => T
}

const folded = (path: string) => pathKey(path, { folds: true, separator: sep })

/** What an event says beside the path. */
const At = z.once(() => z.object({ hostId: z.string(), repo: z.nullable(z.string()), repoPath: z.nullable(z.string()) }))

/** `<host name>:<path>`: of a host's name two letters at least, as one is a drive of Windows. */
const ELSEWHERE = /^([^/\\:\s]{2,}):((?:\/|[A-Za-z]:[\\/]).*)$/

export function createSharedPaths({ hostId, hostName, read }: SharedPathsOptions): PathScheme {
  const here = (path: string) => `${hostId}:${folded(path) === '/' ? '' : folded(path)}`
  const repoOf = (commonDir: string) => repositoryName(commonDir) ?? `${hostId}:${commonDir}`
  const nameOf = (sql: Sql, id: string) => hostName?.(sql, id) ?? id.slice(0, 8)

  /** A locked path of another machine, by the form in which it is shown. */
  function locked(path: string): Located | undefined {
    const [, host, filePath] = ELSEWHERE.exec(path) ?? []
    if (host === undefined || filePath === undefined || !read) return undefined
    return read((sql) => {
      const row = sql
        .all<LockRow>('SELECT * FROM locks WHERE file_path = ?', filePath)
        .find(({ boot_id }) => hostOf(boot_id) !== hostId && nameOf(sql, hostOf(boot_id)) === host)
      return row && { filePath: path, key: row.path_key, repo: row.repo, repoPath: row.repo_path }
    })
  }

  /** Where a repository stands on this machine, as far as anybody has worked in it. */
  function cloneOf(sql: Sql, repo: string): string | undefined {
    return sql
      .all<{ git_root: string }>(
        `SELECT git_root FROM peers WHERE repo = ? AND git_root IS NOT NULL AND substr(boot_id, 1, ?) = ?
         ORDER BY live DESC, started_at DESC LIMIT 8`,
        repo,
        hostId.length + 1,
        `${hostId}/`,
      )
      .map(({ git_root }) => git_root)
      .find((root) => existsSync(root))
  }

  const shown: PathScheme['shown'] = (sql, { file_path, repo, repo_path, boot_id }, viewer) => {
    const host = hostOf(boot_id)
    const other = host === hostId ? {} : { host: nameOf(sql, host) }
    if (repo !== null && repo_path !== null) {
      const own = viewer?.repo === repo ? viewer.gitRoot : undefined
      const clone = own ?? (host === hostId ? undefined : cloneOf(sql, repo))
      if (clone) return { filePath: join(clone, repo_path), ...other }
    }
    return { filePath: 'host' in other ? `${other.host}:${file_path}` : file_path, ...other }
  }

  const placed: PathScheme['placed'] = (sql, { file_path, boot_id }, bootId) =>
    hostOf(boot_id) === hostOf(bootId) ? file_path : `${nameOf(sql, hostOf(boot_id))}:${file_path}`

  return {
    isShared: true,
    repoOf,
    shown,
    placed,

    shownTo: (sql, written, viewer, bootId) =>
      written.repo !== null && written.repo_path !== null && viewer.repo === written.repo && viewer.gitRoot !== null
        ? join(viewer.gitRoot, written.repo_path)
        : placed(sql, written, bootId),

    locate(path, { projectPath }) {
      const elsewhere = locked(path)
      if (elsewhere) return elsewhere
      const { filePath } = canonicalPath(path, projectPath)
      const repository = repositoryAround(isDirectory(filePath) ? filePath : dirname(filePath))
      if (!repository) return { filePath, key: here(filePath), repo: null, repoPath: null }
      const name = repositoryName(repository.commonDir)
      const isTop = filePath === repository.top
      const repoPath = isTop ? '.' : pathInRepo(filePath, repository.top)
      const key = name === undefined || repoPath === null ? here(filePath) : folded(isTop ? name : `${name}/${repoPath}`)
      return { filePath, key, repo: repoPath === null ? null : repoOf(repository.commonDir), repoPath }
    },

    isSameFile: (a, b) => hostOf(a.boot_id) === hostOf(b.boot_id) && folded(a.file_path) === folded(b.file_path),

    nested({ filePath, key }, all) {
      const path = folded(filePath)
      const above = new Set(keysAbove(path))
      const ofKey = new Set([...keysAbove(key), key])
      return all()
        .filter(({ boot_id }) => hostOf(boot_id) === hostId)
        .filter((row) => {
          const other = folded(row.file_path)
          const overlaps = other === path || above.has(other) || other.startsWith(path === '/' ? '/' : `${path}/`)
          return overlaps && !ofKey.has(row.path_key) && !row.path_key.startsWith(`${key}/`)
        })
    },

    told: (_sql, { file_path, repo, repo_path, boot_id }) => ({
      filePath: file_path,
      at: { hostId: hostOf(boot_id), repo, repoPath: repo_path },
    }),

    heard(sql, payload) {
      const at = At().safeParse(payload.at)
      if (!at.success || typeof payload.filePath !== 'string') return payload
      const { at: _, ...rest } = payload
      const written: Written = {
        ...{ file_path: payload.filePath, path_key: '', repo: at.data.repo, repo_path: at.data.repoPath },
        boot_id: `${at.data.hostId}/`,
      }
      return { ...rest, ...shown(sql, written, null) }
    },
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false // not there, or not for us to see
  }
}
