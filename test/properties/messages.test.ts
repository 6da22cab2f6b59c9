import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../../src/core/operation.ts'
import type { Output } from '../../src/core/operations.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'

/** Each message is read exactly once, in the order of its sender's sends, whatever the reader asks and however often an answer is lost. */

let bare: BareStore
const everybody: Actor[] = []
beforeAll(async () => {
  bare = await bareStore()
})
afterAll(() => bare[Symbol.asyncDispose]())

async function newcomer(): Promise<Actor> {
  const actor = await bare.join({ agentType: `t${everybody.length}` })
  everybody.push(actor)
  return actor
}
const endRun = async () => {
  for (const actor of everybody.splice(0)) await bare.leave(actor)
}

type Step =
  | { do: 'send'; sender: number; bytes: number; toAll: boolean }
  | { do: 'read'; limit: number; left: boolean; from: number | null; twice: boolean }
  | { do: 'peek' }

const sender = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      sender,
      bytes: fc.constantFrom(1, 10, 25_000, 65_000),
      toAll: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ do: fc.constant('read' as const), limit: fc.integer({ min: 1, max: 6 }), left: fc.boolean() },
      ...{ from: fc.option(sender, { freq: 4 }), twice: fc.boolean() },
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'peek' as const }) },
)

test('each message is read exactly once and in order, through any limits, filters and lost answers', async () => {
  let lost = 0
  await fc.assert(
    fc
      .asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const senders = [await newcomer(), await newcomer(), await newcomer()]
        const reader = await newcomer()
        let left = true
        const asReader = bare.caller(reader, () => left)
        const sent = new Map<string, string[]>(senders.map(({ id }) => [id, []]))
        const read = new Map<string, string[]>(senders.map(({ id }) => [id, []]))
        let count = 0
        const take = (answer: Output<'message.inbox'>) => {
          for (const message of answer.messages) read.get(message.from.id)?.push(message.payload.trim())
        }

        for (const step of steps) {
          if (step.do === 'send') {
            const from = senders[step.sender] ?? reader
            const text = `${count++}`
            const message = text.padEnd(step.bytes)
            await bare.caller(from)('message.send', { to: step.toAll ? 'all' : reader.name, message })
            sent.get(from.id)?.push(text)
          } else if (step.do === 'peek') {
            // Looking without answering marks nothing.
            await bare.store.messages.unread(reader.id, {}, 10)
          } else {
            left = step.left
            const from = step.from === null ? {} : { from: senders[step.from]?.name ?? '' }
            // A client may ask twice at once: then each answer carries what the other does not.
            const calls = [asReader('message.inbox', { limit: step.limit, ...from })]
            if (step.twice) calls.push(asReader('message.inbox', { limit: step.limit, ...from }))
            const answers = await Promise.all(calls)
            if (left) answers.map(take)
            else lost += answers.reduce((n, { messages }) => n + messages.length, 0)
          }
        }
        left = true
        for (let more = true; more; ) {
          const answer = await asReader('message.inbox', { limit: 100 })
          take(answer)
          more = answer.messages.length > 0
        }
        expect(read).toEqual(sent)
        expect((await bare.store.peers.get(reader.id))?.unread).toBe(0)
      })
      .afterEach(endRun),
    { numRuns: 40 },
  )
  expect(lost).toBeGreaterThan(0)
})
