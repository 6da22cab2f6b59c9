import { type Dir, existsSync, lstatSync, opendirSync, statfsSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type * as Chokidar from 'chokidar'
import type { Change } from '../core/edits.ts'
import { networkFileSystem } from '../core/network-file-system.ts'

/**
 * One locked path, watched by chokidar: no polling, nothing that keeps the process alive. Below a directory as deep as its
 * entries fit the bound; what git and package managers keep there is nobody's edit.
 */

/** What `printOf` says of a path at which there is nothing. */
export const NOTHING = 'nothing'

const NOT_LOOKED_INTO = new Set(['.git', 'node_modules'])

export interface PathWatch {
  /** How many entries it takes of the bound. */
  readonly entries: number
  /** How deep it looks below a directory: 0 is its own entries, undefined everything; -1: nothing, there is too much. */
  readonly depth: number | undefined
  /** The path's state when the watch began; another one later is a change that was not seen. */
  readonly print: string
  close(): void
}

interface On {
  /** `path` has changed: the locked one, or one below it. */
  change(path: string, change: Change): void
  /** It is another thing now, or there are more entries than the bound allows: to be watched anew. */
  anew(): void
  failed(error: unknown): void
}

/** Undefined where not even the directory is there that the path would appear in. */
export function watchPath(chokidar: typeof Chokidar, path: string, bound: number, on: On): PathWatch | undefined {
  const print = printOf(path)
  if (print === NOTHING && !existsSync(dirname(path))) return undefined
  const isDirectory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
  const { depth, entries } = isDirectory ? depthWithin(path, bound) : { depth: undefined, entries: 1 }
  if (depth === -1) return { entries: 0, depth, print, close() {} }
  // Of a path that is missing chokidar says it is ready before it would see it appear; of the directory above it, after.
  const top = print === NOTHING ? dirname(path) : path
  const watcher = chokidar.watch(top, {
    ignoreInitial: true,
    followSymlinks: false,
    // A directory's editors leave backup copies behind, which are nobody's edit either.
    atomic: isDirectory,
    // Elsewhere an error that comes later would have no listener, and end the process.
    persistent: process.platform !== 'linux',
    ...(depth !== undefined && { depth }),
    ...(top !== path && { depth: 0, ignored: (at: string) => at !== top && at !== path }),
    ...(isDirectory && { ignored: (at: string) => at !== path && NOT_LOOKED_INTO.has(basename(at)) }),
  })
  let known = entries
  let open = true
  watcher.on('all', (event, at) => {
    if (event === 'addDir' && at === path) {
      on.change(path, 'add')
      return on.anew()
    }
    if (event === 'add' || event === 'change' || event === 'unlink') on.change(at, event)
    known += event === 'add' || event === 'addDir' ? 1 : event === 'change' ? 0 : -1
    if (known > bound) on.anew() // with fewer levels
  })
  // It does not tell when the directory itself goes.
  watcher.on('raw', (event) => {
    if (!isDirectory || event !== 'rename' || printOf(path) !== NOTHING) return
    on.change(path, 'unlink')
    on.anew()
  })
  watcher.on('error', (error) => open && on.failed(error))
  watcher.on('ready', () => {
    // Between the look and the watch.
    if (!isDirectory && printOf(path) !== print) on.change(path, print === NOTHING ? 'add' : 'change')
  })
  return {
    entries,
    depth,
    print,
    close() {
      open = false
      // Descriptors are closed at once; what else it waits for are streams that it reads directories with.
      void watcher.close()
    },
  }
}

/** Which file stands at a path, and in which state. */
export function printOf(path: string): string {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    return stat ? `${stat.ino} ${stat.mtimeMs} ${stat.size}` : NOTHING
  } catch {
    return NOTHING // below a file, or not for us to see
  }
}

/** How a network file system is called where the path is on one: there, changes of other machines are not seen. */
export function networkOf(path: string): string | undefined {
  try {
    return process.platform === 'linux' ? networkFileSystem(statfsSync(existsSync(path) ? path : dirname(path)).type) : undefined
  } catch {
    return undefined
  }
}

/** How many levels below a directory fit the bound; -1: not even its own entries. Looks at no more than the bound. */
export function depthWithin(directory: string, bound: number): { depth: number | undefined; entries: number } {
  let level = [directory]
  let fitting = 1
  for (let depth = 0; ; depth++) {
    let entries = fitting
    const below: string[] = []
    for (const at of level)
      for (const { name, isDirectory } of namesIn(at)) {
        if (NOT_LOOKED_INTO.has(name)) continue
        if (++entries > bound) return { depth: depth - 1, entries: fitting }
        if (isDirectory) below.push(join(at, name))
      }
    if (below.length === 0) return { depth: undefined, entries }
    level = below
    fitting = entries
  }
}

function* namesIn(directory: string): Iterable<{ name: string; isDirectory: boolean }> {
  let dir: Dir
  try {
    dir = opendirSync(directory)
  } catch {
    return // gone meanwhile, or not for us to read
  }
  try {
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) yield { name: entry.name, isDirectory: entry.isDirectory() }
  } finally {
    dir.closeSync()
  }
}
