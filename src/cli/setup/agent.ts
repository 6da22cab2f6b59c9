import type { Home } from './home.ts'
import type { Start } from './start.ts'

/** What we know of an agent: where it keeps its configuration, and what of ours goes into it. One file each beside this. */
export interface Agent {
  /** As peers of it are shown, and as `setup` and `hook` call it. */
  readonly name: string
  readonly title: string
  /** Programs that are on the PATH where it is installed. */
  readonly programs?: readonly string[]
  /** Directories, or files, that are there where it is installed. */
  readonly dirs: (home: Home) => readonly string[]
  readonly servers: Servers
  readonly hooks?: Hooks
  /** What wakes an idle session of it, beside hooks. */
  readonly wake?: string
  /** Files that are ours alone: slash commands, where the agent does not show a server's prompts as such. */
  readonly commands?: Commands
  /** What its user should know, or still has to do. */
  readonly notes?: (wanted: Wanted) => readonly string[]
}

/** Where it lists its MCP servers, and how it writes them down. */
interface Servers {
  readonly format: 'json' | 'toml' | 'yaml'
  readonly key: string
  /** Files that may hold the list, the usual one first; any number of them may exist. */
  readonly user: (home: Home) => readonly string[]
  readonly project: (home: Home) => readonly string[]
  /** Those to write, where it is not the first that exists. */
  readonly pick?: (home: Home) => readonly string[]
  readonly entry: (start: Start, home: Home) => Entry
}

/** A server as the agent lists it. */
export type Entry = Readonly<Record<string, unknown>>

interface Hooks {
  readonly user: (home: Home) => string
  readonly project?: (home: Home) => string
  readonly pieces: (wanted: Wanted) => readonly Piece[]
  /** Whether the agent asks its user before it runs new hooks, and where it keeps the answer. */
  readonly trust?: {
    readonly file: (home: Home) => string
    readonly isGiven: (document: unknown, hooks: string) => boolean
    readonly how: string
  }
}

interface Commands {
  readonly user: (home: Home) => string
  readonly project?: (home: Home) => string
  readonly text: string
}

/** What was asked for. */
export interface Wanted {
  readonly start: Start
  readonly platform: NodeJS.Platform
  readonly hooks: boolean
  readonly autoLock: boolean
  readonly guard: boolean
}

/** Something of ours inside a file. */
export type Piece =
  /** An object of ours; what its user has added to it stays. */
  | { readonly kind: 'entry'; readonly path: readonly string[]; readonly value: Entry }
  /** Elements of ours in the lists below a path, among those of other tools. No events: ours are taken out. */
  | { readonly kind: 'lists'; readonly path: readonly string[]; readonly agent: string; readonly lists: Lists }
  /** What the agent wants beside it; one that is there stays as it is. */
  | { readonly kind: 'beside'; readonly path: readonly string[]; readonly value: unknown }
  /** The file is ours alone. */
  | { readonly kind: 'whole'; readonly text: string }

export type Lists = Readonly<Record<string, readonly unknown[]>>
