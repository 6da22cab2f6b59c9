import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as classic from 'zod'
import { MeshError } from '../../src/core/errors.ts'
import type { Actor } from '../../src/core/operation.ts'
import { type Input, type OperationName, operations } from '../../src/core/operations.ts'
import * as z from '../../src/core/schema.ts'
import { meshDoors, toolDefinitions, toolPlaces } from '../../src/mcp/tools.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'

/** Whatever an operation accepts, its flat door accepts: the published schema, and the call. */

const lineText = (maxLength: number) => anyText(1, maxLength).filter((s) => !/[\p{Cc}\u2028\u2029]/u.test(s))
const anyText = (minLength: number, maxLength: number) =>
  fc.string({ unit: 'grapheme', minLength, maxLength }).filter((s) => s.length <= maxLength)
const optional = { requiredKeys: [] }
const seconds = fc.double({ min: 0, max: 300, noNaN: true })
const id = fc.stringMatching(/^m_[0-9a-z]{19}$/)
const eventType = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.:-]{0,63}$/)
const types = fc.array(fc.oneof(fc.constant('*'), eventType), { maxLength: 32 })
const paths = fc.oneof(lineText(40), fc.array(lineText(40), { minLength: 1, maxLength: 8 }))
const stateName = { key: lineText(512), namespace: lineText(128) }
const version = fc.nat()

const inputs: { [N in OperationName]: fc.Arbitrary<Input<N>> } = {
  'peer.list': fc.record(
    { scope: fc.constantFrom('mesh' as const, 'machine' as const, 'directory' as const, 'repo' as const) },
    optional,
  ),
  'peer.describe': fc.record({ summary: anyText(0, 2_500) }, { requiredKeys: ['summary'] }),
  'message.send': fc.record(
    {
      ...{
        to: fc.oneof(lineText(64), fc.array(lineText(64), { minLength: 1, maxLength: 64 })),
        message: anyText(1, 100),
        replyTo: id,
      },
      ...{ type: fc.constantFrom('text' as const, 'json' as const, 'command' as const, 'alert' as const) },
      priority: fc.constantFrom('normal' as const, 'urgent' as const, 'low' as const),
    },
    { requiredKeys: ['to', 'message'] },
  ),
  'message.inbox': fc.record(
    {
      ...{ filter: fc.constantFrom('unread' as const, 'all' as const, 'sent' as const), from: lineText(64), thread: id },
      ...{ limit: fc.integer({ min: 1, max: 100 }), wait: seconds },
    },
    optional,
  ),
  'state.get': fc.record(stateName, { requiredKeys: ['key'] }),
  'state.set': fc.record({ ...stateName, value: anyText(0, 500), ifVersion: version }, { requiredKeys: ['key', 'value'] }),
  'state.list': fc.record({ namespace: stateName.namespace, prefix: anyText(0, 512) }, optional),
  'state.delete': fc.record({ ...stateName, ifVersion: version }, { requiredKeys: ['key'] }),
  'lock.acquire': fc.record(
    { filePath: paths, reason: anyText(0, 500), ttlMinutes: fc.double({ min: 1, max: 1_440, noNaN: true }), wait: seconds },
    { requiredKeys: ['filePath'] },
  ),
  'lock.release': fc.record({ filePath: paths, force: fc.boolean() }, { requiredKeys: ['filePath'] }),
  'lock.query': fc.record({ filePath: paths }, optional),
  'event.read': fc.record(
    {
      types,
      since: fc.oneof(
        fc.nat(),
        fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }).map((d) => d.toISOString()),
      ),
      limit: fc.integer({ min: 1, max: 200 }),
      wait: seconds,
    },
    optional,
  ),
  'event.subscribe': fc.record({ types: types.filter((t) => t.length > 0) }),
  'event.unsubscribe': fc.record({ types }, optional),
  'event.emit': fc.record(
    {
      types: fc.array(
        eventType.map((t) => `x_${t}`.slice(0, 64)),
        { minLength: 1, maxLength: 1 },
      ),
      payload: fc.dictionary(fc.string(), fc.jsonValue()),
    },
    { requiredKeys: ['types'] },
  ),
  'mesh.status': fc.constant({}),
}

const published = new Map(
  toolDefinitions().map(({ name, inputSchema }) => [
    name,
    classic.fromJSONSchema(inputSchema as classic.core.JSONSchema.JSONSchema),
  ]),
) // a JSON Schema is what it is

let bare: BareStore
let actor: Actor
beforeAll(async () => {
  bare = await bareStore()
  actor = await bare.join()
})
afterAll(() => bare[Symbol.asyncDispose]())

// Object.keys of a record over OperationName.
const names = Object.keys(operations) as OperationName[]

test.each(names)('what %s accepts goes through its tool', async (operation) => {
  const [tool = '', action] = toolPlaces[operation] ?? []
  const door = meshDoors.get(tool)
  if (!door) throw new Error(`${operation} has no tool`)
  await fc.assert(
    fc.asyncProperty(inputs[operation], async (input) => {
      expect(z.strict(operations[operation].input).safeParse(input).error?.issues).toBeUndefined()
      const flat = { ...input, ...(action !== undefined && { action }) }
      expect(published.get(tool)?.safeParse(flat).error?.issues).toBeUndefined()
      expect(door.choose(action)).toBe(operation)
      // The caller has given up already, so that nothing waits. It may be refused for what the mesh holds, never for its form.
      const refused = await door.open(bare.context(actor, { signal: AbortSignal.abort() }), flat).then(
        ({ output }) => {
          expect(door.output.safeParse(output).error?.issues).toBeUndefined()
        },
        (error: unknown) => error,
      )
      if (refused === undefined) return
      expect(refused).toBeInstanceOf(MeshError)
      const form = refused instanceof MeshError && refused.code === 'invalid' ? refused.message : ''
      // Only the content of a json message, and names of files that the file system would not take, are looked into later.
      expect(form).toMatch(/^$|is not JSON|longer than the file system allows/)
    }),
    { numRuns: 60 },
  )
})

test.each(names)('%s takes no field that it does not know, and no other action', async (operation) => {
  const [tool = '', action] = toolPlaces[operation] ?? []
  const door = meshDoors.get(tool)
  const known = new Set(Object.keys(operations[operation].input.shape))
  await fc.assert(
    fc.asyncProperty(inputs[operation], fc.string({ minLength: 1, maxLength: 12 }), async (input, extra) => {
      if (known.has(extra) || extra === 'action') return
      const strange = Object.fromEntries([
        ...Object.entries(input),
        [extra, 1],
        ...(action === undefined ? [] : [['action', action]]),
      ])
      await expect(door?.open(bare.context(actor, { signal: AbortSignal.abort() }), strange)).rejects.toMatchObject({
        code: 'invalid',
      })
      const elsewhere = { ...input, action: `${action ?? ''}x` }
      await expect(door?.open(bare.context(actor, { signal: AbortSignal.abort() }), elsewhere)).rejects.toMatchObject({
        code: 'invalid',
      })
    }),
    { numRuns: 20 },
  )
})
