import type { Environment } from '../core/config.ts'
import type { Terminal } from './render.ts'

/** What every command is given besides its own words. */
export interface Invocation {
  readonly env: Environment
  readonly terminal: Terminal
  /** Aborted when nobody wants the rest: interrupted, or whoever read the output has gone. */
  readonly signal: AbortSignal
  /** The path of this program, to start more of it. */
  readonly program: string
}
