import { resolve } from 'node:path'
import { embeddedPaths, type PathScheme } from '../core/path-scheme.ts'
import type { Place } from '../core/peer.ts'
import { branchOf, realpath, repositoryAround } from '../core/repository.ts'

/** Which repository a directory belongs to. What a repository is called is the mesh's to say. */
export function placeOf(directory: string, paths: Pick<PathScheme, 'repoOf'> = embeddedPaths): Place {
  const projectPath = realpath(resolve(directory))
  const repository = repositoryAround(projectPath)
  if (!repository) return { projectPath, gitRoot: null, gitBranch: null, repo: null }
  const { top, gitDir, commonDir } = repository
  return { projectPath, gitRoot: top, gitBranch: branchOf(gitDir), repo: paths.repoOf(commonDir) }
}
