import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Claim } from '../../src/core/lock.ts'
import type { Actor } from '../../src/core/operation.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'
import { LockModel, overlap, type Ticket } from '../support/lock-model.ts'

/**
 * Locks against a model that fits on a page: any sequence of claims, waits, renewals, releases, departures and expiries
 * over a small tree of paths is answered as the model answers it, and leaves the same locks behind (G6).
 */

const PATHS = ['/', '/a', '/a/x', '/a/x/1', '/a/y', '/b', '/b/x', '/ab']
const PEERS = 4
const RUNS = 150

type Step =
  | { do: 'acquire'; peer: number; paths: string[]; ttlMs: number; waitMs: number }
  | { do: 'retry' | 'leaveLine' | 'leave' | 'expire'; peer: number }
  | { do: 'release'; peer: number; paths: string[] }
  | { do: 'pass'; ms: number }
  | { do: 'jump'; ms: number }

const peer = fc.nat(PEERS - 1)
const paths = fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...{ do: fc.constant('acquire' as const), peer, paths, ttlMs: fc.integer({ min: 1, max: 100 }) },
      waitMs: fc.constantFrom(0, 0, 50, 200),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'retry' as const, 'leaveLine' as const), peer }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('release' as const),
      peer,
      paths: fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 2 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'expire' as const), peer }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -86_400_000, max: 86_400_000 }) }),
  },
)

/** A place in line, as the store and as the model know it. */
interface Waiting {
  ticket: number
  claim: Claim
  model: Ticket
  wanted: string[]
}

let bare: BareStore
/** Who takes part in a run; they leave at its end, with all they hold. */
const actors: Actor[] = []
beforeAll(async () => {
  bare = await bareStore()
})
afterAll(() => bare[Symbol.asyncDispose]())
const endRun = async () => {
  for (const actor of actors.splice(0)) await bare.leave(actor)
}

const claimed = (path: string) => ({ filePath: path, key: path, repo: null, repoPath: null })

test('any sequence of claims is answered as a simple model answers it', async () => {
  let granted = 0
  let refused = 0
  await fc.assert(
    fc
      .asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const { store, clock } = bare
        const model = new LockModel()
        for (let i = 0; i < PEERS; i++) actors.push(await bare.join({ name: `peer-${i}` }))
        const waiting = new Map<string, Waiting>()
        let newest = 0
        const begin = await store.events.lastSeq()

        async function acquire(
          actor: Actor,
          wanted: string[],
          ttlMs: number,
          waitMs: number,
          again = waiting.get(''),
        ): Promise<void> {
          const claim = again?.claim ?? { paths: wanted.map(claimed), reason: '', ttlMs, ticket: null }
          const inTheWay = model.obstacles(actor.id, wanted, again?.model)
          const answer = await store.locks.acquire(actor, { ...claim, ticket: again?.ticket ?? null }, waitMs)
          if ('conflicts' in answer) {
            refused++
            expect(new Set(answer.conflicts.map((c) => c.holder.id))).toEqual(inTheWay)
            if (answer.ticket === null || again) return
            const ticket = { peer: actor.id, paths: wanted, until: model.time + waitMs }
            model.line.push(ticket)
            waiting.set(actor.id, { ticket: answer.ticket, claim, model: ticket, wanted })
            return
          }
          granted++
          expect([...inTheWay]).toEqual([])
          if (again) {
            model.line = model.line.filter((ticket) => ticket !== again.model)
            waiting.delete(actor.id)
          }
          expect(answer.granted.map((row) => row.path_key)).toEqual(wanted)
          for (const { path_key, token } of answer.granted) {
            const held = model.locks.get(path_key)
            // A renewal keeps its token; every grant has a greater one than all before.
            if (held) expect(token).toBe(held.token)
            else expect(token).toBeGreaterThan(newest)
            newest = Math.max(newest, token)
            model.locks.set(path_key, { peer: actor.id, token, until: model.time + claim.ttlMs })
          }
        }

        for (const step of steps) {
          const actor = 'peer' in step ? actors[step.peer] : undefined
          if (step.do === 'pass') {
            clock.pass(step.ms)
            model.time += step.ms
          } else if (step.do === 'jump') clock.jump(step.ms)
          else if (!actor) throw new Error('a step without its peer')
          else if (step.do === 'acquire' && !waiting.has(actor.id)) await acquire(actor, step.paths, step.ttlMs, step.waitMs)
          else if (step.do === 'retry') {
            const place = waiting.get(actor.id)
            if (place && place.model.until > model.time)
              await acquire(actor, place.wanted, 0, place.model.until - model.time, place)
          } else if (step.do === 'leaveLine') {
            const place = waiting.get(actor.id)
            waiting.delete(actor.id)
            if (place) await store.locks.leaveLine(place.ticket)
            model.line = model.line.filter((ticket) => ticket !== place?.model)
          } else if (step.do === 'release') {
            model.tidy()
            await store.locks.expire(1_000)
            const all = step.paths.every((path) => model.locks.get(path)?.peer === actor.id)
            const done = store.locks.release(actor, step.paths.map(claimed), false)
            if (all) await done
            else await expect(done).rejects.toMatchObject({ code: 'not_holder' })
            if (all) for (const path of step.paths) model.locks.delete(path)
          } else if (step.do === 'expire') await store.locks.expire(1_000)
          else if (step.do === 'leave') {
            await bare.leave(actor)
            model.drop(actor.id)
            waiting.delete(actor.id)
            actors[step.peer] = await bare.join({ name: actor.name })
          }
          model.tidy()
          const stored = await store.locks.query([])
          const now = new Map([...model.locks].map(([path, lock]) => [path, { peer: lock.peer, token: lock.token }]))
          expect(new Map(stored.map((l) => [l.filePath, { peer: l.lockedBy.id, token: l.token }]))).toEqual(now)
          for (const a of stored)
            for (const b of stored) if (a.lockedBy.id !== b.lockedBy.id) expect(overlap(a.filePath, b.filePath)).toBe(false)
        }
        // Each grant is announced once, and its end once.
        const { events } = await store.events.readAfter(begin, ['file_unlocked'], 10_000)
        const ended = events.map((event) => event.payload.token)
        expect(ended).toEqual([...new Set(ended)])
      })
      .afterEach(endRun),
    { numRuns: RUNS },
  )
  // A model that is never asked agrees with everything.
  expect(Math.min(granted, refused)).toBeGreaterThan(RUNS)
})

test('of those who wait for one path, the first to come is the first to get it, whoever tries first', async () => {
  await fc.assert(
    fc
      .asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 2 }), async (tries) => {
        const { store } = bare
        const holder = await bare.join()
        const line: Actor[] = []
        for (let i = 0; i < 5; i++) line.push(await bare.join())
        actors.push(holder, ...line)
        const claim = (ticket: number | null): Claim => ({ paths: [claimed('/q')], reason: '', ttlMs: 60_000, ticket })
        await store.locks.acquire(holder, claim(null), 0)
        const tickets: number[] = []
        for (const actor of line) {
          const answer = await store.locks.acquire(actor, claim(null), 60_000)
          if ('granted' in answer || answer.ticket === null) throw new Error('should stand in line')
          expect(answer.place).toBe(tickets.length + 1)
          tickets.push(answer.ticket)
        }
        bare.rung.length = 0
        await store.locks.release(holder, [claimed('/q')], false)
        // All who wait are told.
        expect([...new Set(bare.rung)].sort()).toEqual(line.map(({ id }) => id).sort())
        for (const i of tries) {
          const actor = line[i]
          if (!actor) throw new Error('nobody')
          const answer = await store.locks.acquire(actor, claim(tickets[i] ?? null), 60_000)
          expect('granted' in answer).toBe(i === 0)
          if (i === 0) break
        }
      })
      .afterEach(endRun),
    { numRuns: 20 },
  )
})
