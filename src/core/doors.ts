import { fail } from './errors.ts'
import type { Context } from './operation.ts'
import { call, type OperationName, operations } from './operations.ts'
import * as z from './schema.ts'

/** Where a front end offers each operation. A missing operation does not compile; `null` says "not here". */
export type Places = Record<OperationName, readonly [door: string, action?: string] | null>

/** One tool or route: a flat schema to publish, and a call that is checked against the operation's strict one. */
export interface Door {
  readonly name: string
  readonly members: readonly { operation: OperationName; action: string | undefined }[]
  readonly input: z.ZodMiniObject
  readonly output: z.ZodMiniObject
  readonly effect: 'read' | 'write'
  /** The operation that a call means. Throws `invalid` for an action that the door does not have. */
  choose(action: unknown): OperationName
  open(context: Context, raw: Record<string, unknown>): Promise<{ operation: OperationName; output: unknown }>
}

/** Gathers the operations that share a door under one `action`. Flat on purpose: several model APIs refuse a top-level oneOf. */
export function doors(places: Places): Door[] {
  const members = new Map<string, { operation: OperationName; action: string | undefined }[]>()
  // Object.keys of a record over OperationName.
  for (const operation of Object.keys(places) as OperationName[]) {
    const place = places[operation]
    if (place) members.set(place[0], [...(members.get(place[0]) ?? []), { operation, action: place[1] }])
  }
  return [...members].map(([name, sharing]) => door(name, sharing))
}

function door(name: string, members: Door['members']): Door {
  const actions = members.flatMap((member) => member.action ?? [])
  const [first] = members
  if (!first) throw new Error(`door ${name} leads nowhere`)
  const merged = (side: 'input' | 'output') =>
    z.object(Object.assign({}, ...members.map((m) => z.partial(operations[m.operation][side]).shape)))
  const choose = (action: unknown) => {
    const member = actions.length === 0 && action === undefined ? first : members.find((m) => m.action === action)
    if (!member)
      throw fail('invalid', {
        operation: name,
        issues: [actions.length > 0 ? `action: must be one of ${actions.join(', ')}` : 'action: not known here'],
      })
    return member.operation
  }
  return {
    name,
    members,
    input:
      actions.length > 0 ? z.object({ action: z.enum(actions), ...merged('input').shape }) : operations[first.operation].input,
    output: actions.length > 0 ? merged('output') : operations[first.operation].output,
    effect: members.some((m) => operations[m.operation].effect === 'write') ? 'write' : 'read',
    choose,
    open: async (context, { action, ...raw }) => {
      const operation = choose(action)
      return { operation, output: await call(operation, context, raw) }
    },
  }
}
