import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshError } from '../../src/core/errors.ts'
import type { Caller } from '../../src/core/operations.ts'
import { eventually } from '../support/eventually.ts'
import { contentOf, machine } from '../support/machine.ts'
import { natsServer, needsNats } from '../support/nats.ts'
import { ownMesh, sharedNats } from '../support/nats-mesh.ts'

/** Whatever is written, by whom, and at the same moment as what else: all copies come to hold the same. */

const KEYS = ['a', 'b'] as const
const PATHS = ['/project', '/project/x', '/project/x/y', '/elsewhere'] as const
const step = fc.record({
  who: fc.nat(2),
  /** Not waited for before the next one begins. */
  atOnce: fc.boolean(),
  what: fc.oneof(
    fc.record({ op: fc.constant('send' as const), to: fc.constantFrom('ann', 'bob', 'cid', 'all'), message: fc.string() }),
    fc.record({ op: fc.constant('read' as const), limit: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ op: fc.constant('set' as const), key: fc.constantFrom(...KEYS), value: fc.string(), isNew: fc.boolean() }),
    fc.record({ op: fc.constant('delete' as const), key: fc.constantFrom(...KEYS) }),
    fc.record({ op: fc.constant('lock' as const), filePath: fc.constantFrom(...PATHS), minutes: fc.constantFrom(1, 10) }),
    fc.record({ op: fc.constant('unlock' as const), filePath: fc.constantFrom(...PATHS) }),
    fc.record({ op: fc.constant('emit' as const), type: fc.constantFrom('x_a', 'x_b'), payload: fc.jsonValue() }),
    fc.record({ op: fc.constant('describe' as const), summary: fc.string({ maxLength: 50 }) }),
  ),
})
type What = typeof step extends fc.Arbitrary<{ what: infer W }> ? W : never

async function take(call: Caller, what: What): Promise<void> {
  switch (what.op) {
    case 'send':
      return void (await call('message.send', { to: what.to, message: what.message }))
    case 'read':
      return void (await call('message.inbox', { limit: what.limit }))
    case 'set':
      return void (await call('state.set', { key: what.key, value: what.value, ...(what.isNew && { ifVersion: 0 }) }))
    case 'delete':
      return void (await call('state.delete', { key: what.key }))
    case 'lock':
      return void (await call('lock.acquire', { filePath: what.filePath, ttlMinutes: what.minutes }))
    case 'unlock':
      return void (await call('lock.release', { filePath: what.filePath }))
    case 'emit':
      return void (await call('event.emit', { types: [what.type], payload: { value: what.payload } }))
    case 'describe':
      return void (await call('peer.describe', { summary: what.summary }))
  }
}

describe.skipIf(!natsServer)(`any sequence of calls on two machines${needsNats}`, () => {
  const nats = sharedNats()

  test('leaves both copies, and that of a machine which comes later, with the same content', { timeout: 120_000 }, async () => {
    let refused = 0
    let taken = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        const env = ownMesh(nats())
        const open = () => machine(nats().url, { env })
        using one = await open()
        using two = await open()
        const callers = [
          one.caller(await one.join({ name: 'ann' })),
          two.caller(await two.join({ name: 'bob' })),
          two.caller(await two.join({ name: 'cid' })),
        ]
        const under: Promise<void>[] = []
        for (const { who, atOnce, what } of steps) {
          const call = callers[who]
          if (!call) throw new Error('nobody')
          const done = take(call, what).then(
            () => void taken++,
            (error: unknown) => {
              if (!(error instanceof MeshError)) throw error
              refused++
            },
          )
          if (atOnce) under.push(done)
          else await done
        }
        await Promise.all(under)
        using later = await open()
        await eventually(() => {
          const [first, ...others] = [one, two, later].map((each) => JSON.stringify(contentOf(each)))
          return others.every((other) => other === first)
        })
        expect([one, two, later].flatMap(({ warnings }) => warnings)).toEqual([])
      }),
      { numRuns: 40 },
    )
    console.info(`copies: ${taken} calls taken, ${refused} refused, all copies equal`)
    expect(taken).toBeGreaterThan(refused)
  })
})
