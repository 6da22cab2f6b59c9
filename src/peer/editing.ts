import { dirname } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { Collision, FileChange } from '../core/edits.ts'
import { type Conflict, isFailure } from '../core/errors.ts'
import { pathInRepo } from '../core/file-path.ts'
import type { Actor } from '../core/operation.ts'
import type { Located } from '../core/path-scheme.ts'
import type { Store } from '../core/store.ts'
import { placeOf } from './project.ts'

/**
 * What an agent's edits mean to the others, as its hooks tell of them. Before an edit: does somebody else hold the path?
 * With auto-lock, the first edit of a free path takes its lock, later ones renew it, and the end of the turn gives back
 * exactly what was taken so: a lock that the agent asked for itself is never touched. After an edit: who else has just
 * written the same file?
 */

interface Before {
  /** Who holds what the edit would write; nothing was taken then. */
  readonly refused?: Conflict[]
  /** Paths whose lock was taken for this turn. */
  readonly took: string[]
  /** Who holds the same file in another worktree of the repository: a warning, no refusal. */
  readonly elsewhere: Conflict[]
}

export interface Editing {
  /** An edit is about to happen. Relative paths are taken against `cwd`, else against the session's project. */
  before(paths: readonly string[], options?: { cwd?: string | undefined; autoLock?: boolean | undefined }): Promise<Before>
  /** An edit has happened. Returns whom it met there, of which this session has not been told. */
  after(paths: readonly string[], options?: { cwd?: string | undefined }): Promise<Collision[]>
  /** The turn, or the session, has ended. Returns how many locks were given back. */
  turnEnded(): Promise<number>
  /** Encounters of which this session has not been told, and is not just being told. */
  collisions(): Promise<Collision[]>
  /** Changes of what this session holds or waits for, of which it has not been told, and is not just being told. */
  changes(): Promise<FileChange[]>
  /** The answer that carried these has left, or never will. Until then nobody else is given them. */
  settle(told: readonly { readonly id: number }[], left: boolean): Promise<void>
  /** Whether the agent made a change of that path at that moment (boot clock); null where no hook ever told of its edits. */
  made(key: string, atUptimeMs: number): boolean | null
}

interface EditingOptions {
  readonly store: Pick<Store, 'locks' | 'edits' | 'paths'>
  readonly clock: Clock
  readonly self: () => Actor
  readonly lockTtlMinutes: number
}

/** Where no hook speaks before an edit, it has taken this long at most. */
const EDIT_MS = 10_000
/** An edit of whose end nothing is heard is over by then. */
const LONGEST_EDIT_MS = 10 * 60_000
/** A change is seen a little after it was made. */
const LATE_MS = 2_000
const MAX_REMEMBERED = 1_000

export function createEditing({ store, clock, self, lockTtlMinutes }: EditingOptions): Editing {
  /** When this agent last wrote what; `until` is missing while it does. */
  const own = new Map<string, { from: number; until?: number }>()
  const telling = new Set<number>()
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: the end of a turn gives back what an edit is just taking. */
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const result = last.then(run)
    last = result.catch(() => {})
    return result
  }

  function touched(paths: readonly string[], cwd: string | undefined): Located[] {
    const actor = self()
    const found = paths.flatMap((path) => {
      try {
        return store.paths.locate(path, { ...actor, projectPath: cwd ?? actor.projectPath })
      } catch (error) {
        // What cannot be named can neither be locked nor written.
        if (isFailure(error, 'invalid')) return []
        throw error
      }
    })
    return [...new Map(found.map((path) => [path.key, path])).values()].map((path) => {
      if (store.paths.isShared) return path
      const { repo, gitRoot } = placeOf(dirname(path.filePath))
      return { ...path, repo, repoPath: pathInRepo(path.filePath, gitRoot) }
    })
  }

  function remember(key: string, edit: { from: number; until?: number }): void {
    own.delete(key)
    own.set(key, edit)
    const [oldest] = own.keys()
    if (own.size > MAX_REMEMBERED && oldest !== undefined) own.delete(oldest)
  }

  /** An edit right after another of the same file goes on with it: changes of the first may only be seen now. */
  function begunAt(key: string, now: number): number {
    const before = own.get(key)
    return before && now <= (before.until ?? before.from + LONGEST_EDIT_MS) + LATE_MS ? before.from : now
  }

  const fresh = <T extends { readonly id: number }>(news: T[]): T[] => {
    const rest = news.filter(({ id }) => !telling.has(id))
    for (const { id } of rest) telling.add(id)
    return rest
  }

  const collisions = async () => fresh(await store.edits.collisions(self().id))
  return {
    collisions,
    changes: async () => fresh(await store.edits.changes(self().id)),

    before(given, { cwd, autoLock = false } = {}) {
      const paths = touched(given, cwd)
      return inTurn(async () => {
        const actor = self()
        // A path has a place in a worktree of the actor's own repository, as with locks that are asked for.
        const isOwn = (path: Located) => store.paths.isShared || path.repo === actor.repo
        const wanted = paths.map((path) => (isOwn(path) ? path : { ...path, repo: null, repoPath: null }))
        const answer = await store.locks.edit(actor, wanted, autoLock ? lockTtlMinutes * 60_000 : null)
        if ('refused' in answer) return { refused: answer.refused, took: [], elsewhere: [] }
        for (const { key } of paths) remember(key, { from: begunAt(key, clock.uptime()) })
        return { took: answer.took.map((row) => row.file_path), elsewhere: answer.elsewhere }
      })
    },

    async after(given, { cwd } = {}) {
      const paths = touched(given, cwd)
      const until = clock.uptime()
      for (const { key } of paths) remember(key, { from: own.get(key)?.from ?? until - EDIT_MS, until })
      const { id, name } = self()
      await store.edits.touch({ id, name }, paths)
      return collisions()
    },

    turnEnded: () => inTurn(() => store.locks.endTurn(self().id)),

    async settle(told, left) {
      const ids = told.map(({ id }) => id)
      try {
        if (left) await store.edits.told(self().id, ids)
      } finally {
        for (const id of ids) telling.delete(id)
      }
    },

    made(key, at) {
      if (own.size === 0) return null
      const edit = own.get(key)
      return edit !== undefined && at >= edit.from && at <= (edit.until ?? edit.from + LONGEST_EDIT_MS) + LATE_MS
    },
  }
}
