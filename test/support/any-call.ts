import fc from 'fast-check'
import { operations } from '../../src/core/operations.ts'
import type * as z from '../../src/core/schema.ts'
import { meshDoors } from '../../src/mcp/tools.ts'

/** What each field might well be given. No long waits: each call must be answered soon. */
const likely: Record<string, readonly unknown[]> = {
  scope: ['mesh', 'repo'],
  to: ['all', ['all'], 'cli', 'p_0000'],
  message: ['hello', '{}', 'ü🦦'],
  type: ['text', 'json', 'alert'],
  filter: ['unread', 'all', 'sent'],
  key: ['a', 'b', '__proto__'],
  namespace: ['default', 'n'],
  value: ['v', '{"x":1}'],
  ifVersion: [0, 5],
  filePath: ['/tmp/f', ['a', 'b/../c'], '../..', '/'],
  ttlMinutes: [1, 1440],
  types: [['*'], ['x_event'], ['peer_joined', 'x_a']],
  since: [0, '0', '2026-01-01T00:00:00Z'],
  limit: [1, 20],
  payload: [{}, { a: [1, { b: null }] }],
  wait: [0, 0.01],
  summary: ['at work'],
}

/** Calls that are right, nearly right, or anything. */
export function anyCall(): fc.Arbitrary<string> {
  const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.double(), fc.jsonValue({ maxDepth: 4 }))
  const actions = [...meshDoors.values()].flatMap(({ name, members }) => members.map((member) => ({ name, ...member })))
  return fc.constantFrom(...actions).chain(({ name, action, operation }) => {
    const shape: Record<string, z.ZodMiniType> = operations[operation].input.shape
    const fields = Object.entries(shape).map(([field, schema]) => {
      const good = fc.constantFrom(...(likely[field] ?? ['x']))
      const bad = field === 'wait' ? fc.constantFrom<unknown>(-1, 'x', 1e9, {}) : anything
      // Fields that a call may lack are mostly left out, so that the rest of it has a chance to be right.
      const isNeeded = !schema.safeParse(undefined).success
      const none = fc.constant(undefined)
      return fc
        .oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: bad }, { weight: isNeeded ? 1 : 12, arbitrary: none })
        .map((value) => [field, value] as const)
    })
    const extra = fc.oneof(
      { weight: 20, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.tuple(fc.tuple(fc.string(), anything)) },
    )
    return fc
      .tuple(fc.tuple(...fields), extra)
      .map(([given, more]) =>
        JSON.stringify({ name, arguments: { ...Object.fromEntries([...given, ...more]), ...(action && { action }) } }),
      )
  })
}
