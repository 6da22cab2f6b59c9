import type { Layout } from '../../core/paths.ts'
import type { Store } from '../../core/store.ts'
import type { Rows } from '../rows.ts'

/** Something that a dead process left behind, and how to do away with it. Looking for one changes nothing. */
export interface Leftover {
  readonly kind: 'zombie' | 'peer' | 'leadership' | 'guard' | 'socket' | 'temporary' | 'damaged'
  /** What it is, in a few words: `stale socket 1a2b3c4d.sock`. */
  readonly what: string
  /** What a program wants to know of it. */
  readonly facts: Readonly<Record<string, string | number>>
  /**
   * Does away with it, if it still is what it was when it was found. Says what was done where that is not what `what`
   * and its kind say; `false` where it has gone or come to life meanwhile, and was left alone.
   */
  clear(): Promise<boolean | string>
}

/** Where leftovers are looked for. */
export interface Ground {
  readonly layout: Layout
  readonly rows: Rows
  /** The file, opened to be written: only once something in it has to change. */
  readonly store: () => Promise<Store>
}
