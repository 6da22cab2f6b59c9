import type { Environment } from '../core/config.ts'
import type { Terminal } from './render.ts'

/** What every command is given besides its own words. */
export interface Invocation {
  readonly env: Environment
  readonly terminal: Terminal
  /** The path of this program, to start more of it. */
  readonly program: string
}
