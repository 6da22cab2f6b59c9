import { fail } from './errors.ts'
import { eventOperations } from './events.ts'
import { inboxOperations } from './inbox.ts'
import { lockOperations } from './lock-operations.ts'
import { messageOperations } from './messages.ts'
import type { Context } from './operation.ts'
import { peerOperations } from './peers.ts'
import * as z from './schema.ts'
import { stateOperations } from './state.ts'
import { statusOperations } from './status.ts'

/** Everything that can be done on the mesh. */
export const operations = {
  ...peerOperations,
  ...messageOperations,
  ...inboxOperations,
  ...stateOperations,
  ...lockOperations,
  ...eventOperations,
  ...statusOperations,
}

export type OperationName = keyof typeof operations
export type Input<N extends OperationName> = z.input<(typeof operations)[N]['input']>
export type Output<N extends OperationName> = z.output<(typeof operations)[N]['output']>

/** Anything through which the mesh can be asked: a peer of this process, an MCP client, the leader over HTTP. */
export type Caller = <N extends OperationName>(name: N, input: Input<N>, options?: { signal?: AbortSignal }) => Promise<Output<N>>

/** Parses, then runs: the only door into the mesh. Throws `invalid` before anything happens (G7). */
export async function call<N extends OperationName>(name: N, context: Context, raw: unknown): Promise<Output<N>> {
  const operation = operations[name]
  const input = parse(name, raw)
  if (operation.effect === 'write') context.spend()
  // A write finds out by itself whether it has seen everything; whoever only looks has to ask.
  if (operation.effect === 'read' || name === 'message.inbox') await context.store.catchUp?.()
  // Input and run are of one row of the table; TypeScript cannot see that through the union.
  const run = operation.run as (context: Context, input: unknown) => Promise<Output<N>>
  try {
    return await run(context, input)
  } catch (error) {
    throw context.store.explain(error)
  }
}

/** The operation's input, checked. Throws `invalid`. */
export function parse(name: OperationName, raw: unknown): unknown {
  const parsed = z.strict(operations[name].input).safeParse(raw)
  if (!parsed.success) throw fail('invalid', { operation: name, issues: describeIssues(parsed.error) })
  return parsed.data
}

/** What was wrong with an input, a sentence an issue, each with the path of its field. */
export const describeIssues = (error: z.core.$ZodError): string[] => error.issues.flatMap(describe)

function describe(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') return [`${issue.keys.join(', ')}: not known here`]
  if (issue.code === 'invalid_union') {
    const branch = issue.errors.find((errors) => errors.some((e) => e.code !== 'invalid_type')) ?? issue.errors[0] ?? []
    if (branch.length > 0)
      return branch.flatMap((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue)) // same issue, fuller path
  }
  return [path === '' ? issue.message : `${path}: ${issue.message}`]
}
