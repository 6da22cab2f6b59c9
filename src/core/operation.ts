import type { Bell } from './bell.ts'
import type { Claims } from './claims.ts'
import type { Clock } from './clock.ts'
import type * as z from './schema.ts'
import type { Store } from './store.ts'

/** Who acts: the caller's own row, never what a request claims. */
export interface Actor {
  readonly id: string
  readonly name: string
  readonly agentType: string
  readonly projectPath: string
  readonly gitRoot: string | null
  readonly repo: string | null
}

/** What every operation may lean on. */
export interface Context {
  readonly actor: Actor
  readonly store: Store
  readonly clock: Clock
  readonly bell: Bell
  /** Aborted when the caller has given up: a wait then ends and leaves nothing behind. */
  readonly signal: AbortSignal
  /**
   * Runs with true once the answer has left this process: only then may anything count as shown (G2). Runs with false
   * where it never will; or after all, where the caller turns out to have dropped the answer that had just left. The
   * caller's next answer is not begun before it is through.
   */
  afterAnswer(run: (left: boolean) => Promise<void>): void
  /** Ids of messages that an answer on its way out is carrying, so that two answers do not carry the same. */
  readonly carrying: Claims
  /** Counts one write against the caller's budget. Throws `rate_limited`. */
  spend(): void
  readonly defaults: { readonly lockTtlMinutes: number }
}

/** One thing that can be done on the mesh, with nothing about who asks or how. */
export interface Operation<I extends z.ZodMiniObject = z.ZodMiniObject, O extends z.ZodMiniObject = z.ZodMiniObject> {
  readonly summary: string
  readonly effect: 'read' | 'write'
  readonly input: I
  readonly output: O
  run(context: Context, input: z.output<I>): Promise<z.output<O>>
}

/** An operation as it is written down: its schemas are built when somebody first asks for them. */
interface Written<I extends z.ZodMiniObject, O extends z.ZodMiniObject> extends Omit<Operation<I, O>, 'input' | 'output'> {
  input(): I
  output(): O
}

/** Lets TypeScript infer `run`'s input from `input`. */
export function operation<I extends z.ZodMiniObject, O extends z.ZodMiniObject>(written: Written<I, O>): Operation<I, O> {
  const { summary, effect, run } = written
  let input: I | undefined
  let output: O | undefined
  return {
    ...{ summary, effect, run },
    get input() {
      return (input ??= written.input())
    },
    get output() {
      return (output ??= written.output())
    },
  }
}
