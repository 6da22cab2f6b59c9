import type { Bell } from '../core/bell.ts'
import type { Clock } from '../core/clock.ts'
import type { Change, SeenChange } from '../core/edits.ts'
import type { Log } from '../core/log.ts'
import { NOWHERE } from '../core/outsiders.ts'
import type { Located, PathScheme } from '../core/path-scheme.ts'
import { type Scope, sleep } from '../core/scope.ts'
import type { Store } from '../core/store.ts'
import { createBurst } from './burst.ts'
import type { Editing } from './editing.ts'
import { NOTHING, networkOf, type PathWatch, printOf, watchPath } from './path-watch.ts'

/**
 * Every peer watches what it holds, and tells when that changes on the disk: who waits for it and who subscribed learn
 * that the file has moved on, and the holder learns of changes that its agent did not make. The lock does not depend on
 * it: where a path cannot be watched, that is logged once, and the lock stands.
 *
 * What is held is read from the table at every ring: grants, and locks that run out or are taken away, ring their holder.
 * A watch that lives a moment too long is harmless: a change of what is no longer held is not told.
 */

/** Entries watched below all locked directories of a process: each costs a watch of the kernel and 2 KB here. */
const MAX_ENTRIES = 2_000
/** More files than this at once, below one locked path, are told as one change of that path. */
const MAX_NAMED = 50
const STEP_MS = 50
/** chokidar drops what comes within 50 ms of the change before; one more look then finds it. */
const LOOK_TWICE_MS = 200
/** A hook tells of an edit after the file has changed: only then is a change known not to be the holder's. */
const HOOKS_SPEAK_WITHIN_MS = 1_000
/** With nothing rung, directories that were missing are looked for this often. */
const LOOK_AGAIN_MS = 15_000

interface FileWatchOptions {
  readonly store: Pick<Store, 'locks' | 'edits' | 'paths'>
  readonly clock: Clock
  readonly bell: Bell
  readonly self: () => { id: string; name: string }
  readonly editing: Pick<Editing, 'made'>
  readonly log: Log
}

interface Watched {
  readonly path: Located
  readonly token: number
  /** Missing where there is nothing to watch yet, or it cannot be watched. */
  watch?: PathWatch | undefined
  failed?: boolean
}

interface Seen {
  readonly path: Located
  readonly change: Change
  /** When it began (boot clock), when it was looked at, and what stood there then. */
  readonly at: number
  readonly seenAt: number
  readonly print: string
}

export function startFileWatch(scope: Scope, options: FileWatchOptions): void {
  const { store, clock, bell, self, editing, log } = options
  const watched = new Map<string, Watched>()
  const burst = createBurst()
  const warned = new Set<string>()
  let chokidar: typeof import('chokidar') | undefined
  let telling = false

  scope.defer(() => {
    for (const { watch } of watched.values()) watch?.close()
    watched.clear()
  })

  function warn(kind: string, event: string, facts: Record<string, unknown>): void {
    if (warned.has(kind)) return
    warned.add(kind)
    log.warn(event, facts)
  }

  const entries = () => [...watched.values()].reduce((sum, { watch }) => sum + (watch?.entries ?? 0), 0)

  function begin(lock: Watched): void {
    lock.watch?.close()
    lock.watch = undefined
    if (!chokidar || scope.signal.aborted || watched.get(lock.path.key) !== lock) return
    const { filePath } = lock.path
    const failed = (error: unknown) => {
      lock.watch?.close()
      lock.watch = undefined
      lock.failed = true
      warn('failed', 'a locked file cannot be watched for changes; its lock stands', { filePath, error })
    }
    try {
      lock.watch = watchPath(chokidar, filePath, MAX_ENTRIES - entries(), {
        change: note,
        anew: () => begin(lock),
        failed,
      })
    } catch (error) {
      return failed(error)
    }
    const depth = lock.watch?.depth
    if (depth !== undefined)
      warn('bounded', 'a locked directory has too many entries to be watched whole; its lock stands', {
        ...{ filePath, levels: depth + 1, maxEntries: MAX_ENTRIES },
      })
    const network = networkOf(filePath)
    if (network)
      warn('network', 'a locked file is on a network file system: changes by other machines are not seen', { filePath, network })
  }

  /** Watches what is held now, and nothing else. */
  async function follow(): Promise<void> {
    const held = new Map(store.locks.heldBy(self().id).map((lock) => [lock.key, lock]))
    for (const [key, { token, watch }] of watched) {
      if (held.get(key)?.token === token) continue
      watch?.close()
      watched.delete(key)
    }
    if (held.size === 0) return
    chokidar ??= await import('chokidar')
    for (const [key, { token, ...path }] of held) {
      const lock = watched.get(key) ?? { path, token }
      watched.set(key, lock)
      if (!lock.watch && !lock.failed) begin(lock)
    }
  }

  function note(path: string, change: Change): void {
    burst.note(path, change, clock.uptime())
    if (telling) return
    telling = true
    void tell()
      .catch((error: unknown) => log.warn('could not tell of changed files', { error }))
      .finally(() => {
        telling = false
      })
  }

  /** Until all is quiet: what has come to rest is told, once it is known who did it. */
  async function tell(): Promise<void> {
    let open: Seen[] = []
    const again = new Map<string, Seen>()
    while (burst.size > 0 || open.length > 0 || again.size > 0) {
      await sleep(STEP_MS, scope.signal)
      if (scope.signal.aborted) return
      const now = clock.uptime()
      const fresh = burst.due(now).map(settled)
      open.push(...fresh)
      for (const seen of fresh) again.set(seen.path.filePath, seen)
      for (const [path, { print, seenAt }] of again) {
        if (now - seenAt < LOOK_TWICE_MS) continue
        again.delete(path)
        if (printOf(path) !== print) burst.note(path, print === NOTHING ? 'add' : 'change', now)
      }
      const known = open.filter(({ path, at }) => editing.made(path.key, at) !== false || now - at >= HOOKS_SPEAK_WITHIN_MS)
      open = open.filter((seen) => !known.includes(seen))
      if (known.length > 0) await store.edits.changed(self(), fold(known))
    }
  }

  /** What is true now, whatever the last of several quick events said; and a file that was replaced is watched anew. */
  function settled({ path: at, change, at: since }: { path: string; change: Change; at: number }): Seen {
    const path = located(store.paths, at)
    const print = printOf(at)
    const isThere = print !== NOTHING
    const lock = watched.get(path.key)
    if (lock?.watch && lock.watch.print.split(' ')[0] !== print.split(' ')[0]) begin(lock)
    return {
      path,
      change: isThere ? (change === 'unlink' ? 'change' : change) : 'unlink',
      at: since,
      seenAt: clock.uptime(),
      print,
    }
  }

  /** Many files below one locked path become one change of it. */
  function fold(seen: readonly Seen[]): SeenChange[] {
    const all = seen.map(({ path, change, at }) => ({ path, change, byHolder: editing.made(path.key, at) }))
    if (all.length <= MAX_NAMED) return all
    const byLock = new Map<Watched | undefined, SeenChange[]>()
    for (const change of all) {
      const lock = [...watched.values()].find((one) => change.path.key.startsWith(`${one.path.key}/`))
      byLock.set(lock, [...(byLock.get(lock) ?? []), change])
    }
    return [...byLock].flatMap(([lock, changes]) => {
      if (!lock || changes.length <= MAX_NAMED) return changes
      const [first] = changes
      const same = changes.every(({ byHolder }) => byHolder === first?.byHolder)
      return [
        { path: lock.path, change: 'change' as const, byHolder: same ? (first?.byHolder ?? null) : null, files: changes.length },
      ]
    })
  }

  void (async () => {
    while (!scope.signal.aborted) {
      const heard = bell.count
      await follow().catch((error: unknown) => log.warn('could not look after locked files', { error }))
      await bell.wait(heard, LOOK_AGAIN_MS, scope.signal)
      // Nobody's answer waits for this, many rings are one look, and a lock that is given back at once costs no watch.
      await sleep(STEP_MS, scope.signal)
    }
  })()
}

/** A loop of links has no other name. */
function located(paths: PathScheme, path: string): Located {
  try {
    return paths.locate(path, NOWHERE)
  } catch {
    return { filePath: path, key: path, repo: null, repoPath: null }
  }
}
