import type { Environment } from '../core/config.ts'
import type { Terminal } from './terminal.ts'

/** What the program was started with: the outside world, in one place. */
export interface Invocation {
  readonly env: Environment
  readonly cwd: string
  readonly terminal: Terminal
  /** Standard input as text, read to its end. */
  readonly input: () => Promise<string>
  /** Aborted when nobody wants the rest: interrupted (its reason is the signal's name), or whoever read the output has gone. */
  readonly signal: AbortSignal
  /** The path of this program, to start more of it. */
  readonly program: string
}
