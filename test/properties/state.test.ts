import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../../src/core/operation.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'

/** Shared state against a map: a write happens exactly if its condition holds, and versions only ever grow. */

let bare: BareStore
let actors: Actor[]
beforeAll(async () => {
  bare = await bareStore()
  actors = [await bare.join({ agentType: '1' }), await bare.join({ agentType: '2' })]
})
afterAll(() => bare[Symbol.asyncDispose]())

const KEYS = ['a', 'a/b', 'A', 'ä', '__proto__', 'constructor', '%', '\u{10ffff}', '\uffff']
const condition = fc.constantFrom('none', 'new', 'current', 'past')
const step = fc.record({
  ...{ do: fc.constantFrom('set', 'set', 'delete'), who: fc.nat(1), key: fc.constantFrom(...KEYS) },
  ...{ value: fc.string({ unit: 'grapheme' }), condition },
})

let run = 0
test('any sequence of writes is answered as a map with versions answers it', async () => {
  let newest = 0
  let conflicts = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const namespace = `run ${run++}`
      const model = new Map<string, { value: string; version: number }>()
      const past = new Map<string, number>()
      for (const { do: what, who, key, value, condition } of steps) {
        const actor = actors[who]
        if (!actor) throw new Error('nobody')
        const call = bare.caller(actor)
        const held = model.get(key)
        const wanted = { none: undefined, new: 0, current: held?.version ?? 0, past: past.get(key) ?? 1 }[condition]
        const name = { namespace, key, ...(wanted !== undefined && { ifVersion: wanted }) }
        const tried = what === 'set' ? call('state.set', { ...name, value }) : call('state.delete', name)
        if (wanted !== undefined && wanted !== (held?.version ?? 0)) {
          conflicts++
          await expect(tried).rejects.toMatchObject({
            code: 'version_conflict',
            facts: { expected: wanted, actual: held?.version ?? 0 },
          })
        } else if (what === 'delete' && !held) await expect(tried).rejects.toMatchObject({ code: 'not_found' })
        else {
          const { entry } = await tried
          if (held) past.set(key, held.version)
          if (what === 'delete') {
            expect(entry).toMatchObject(held ?? {})
            model.delete(key)
          } else {
            expect(entry).toMatchObject({ key, namespace, value, updatedBy: { id: actor.id } })
            expect(entry.version).toBeGreaterThan(newest)
            newest = entry.version
            model.set(key, { value, version: entry.version })
          }
        }
        const { entries } = await call('state.list', { namespace })
        expect(new Map(entries.map((e) => [e.key, { value: e.value, version: e.version }]))).toEqual(model)
        // In the order of the bytes of their keys, as a prefix finds them.
        const keys = entries.map((e) => Buffer.from(e.key))
        expect(keys).toEqual([...keys].sort(Buffer.compare))
        const below = (await call('state.list', { namespace, prefix: 'a' })).entries.map((e) => e.key)
        expect(below).toEqual([...model.keys()].filter((k) => k.startsWith('a')).sort())
      }
    }),
    { numRuns: 80 },
  )
  expect(conflicts).toBeGreaterThan(50)
})
