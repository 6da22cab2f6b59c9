import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Actor } from '../../src/core/operation.ts'
import { openStore, type Store } from '../../src/core/store.ts'
import { createEditing, type Editing } from '../../src/peer/editing.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'
import { overlap } from '../support/lock-model.ts'

/**
 * Edits with auto-lock and locks that are asked for, in any order, by several agents: never two holders, a refusal takes
 * nothing, and the end of a turn gives back what hooks took and the agent did not make its own, and nothing else.
 */

const PATHS = ['/p/a', '/p/a/x', '/p/a/y', '/p/b', '/p/ab']
const AGENTS = 3
const RUNS = 60

const agent = fc.nat(AGENTS - 1)
const paths = fc.uniqueArray(fc.constantFrom(...PATHS), { minLength: 1, maxLength: 3 })
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('edit' as const), agent, paths, autoLock: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('acquire' as const, 'release' as const), agent, paths }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('turnEnded' as const, 'leave' as const, 'turnEnded' as const), agent }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 700_000 }) }) },
)

interface Held {
  agent: number
  token: number
  byHook: boolean
}

let bare: BareStore
/** Each agent is a process of its own, with its own store on the one file. */
const stores: Store[] = []
const databases: Disposable[] = []
const actors: Actor[] = []

beforeAll(async () => {
  bare = await bareStore()
  for (let i = 0; i < AGENTS; i++) {
    const { store, database } = await openStore(bare.database.path, {
      ...{ clock: bare.clock, staleMs: 30_000, ring: () => {}, isGone: () => false },
    })
    stores.push(store)
    databases.push(database)
  }
})
afterAll(async () => {
  for (const database of databases) database[Symbol.dispose]()
  await bare[Symbol.asyncDispose]()
})

test('any sequence of edits, locks and turns keeps what it promises', { timeout: 60_000 }, async () => {
  const seen = { refused: 0, took: 0, gaveBack: 0, own: 0 }
  await fc.assert(
    fc
      .asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async (steps) => {
        for (let i = 0; i < AGENTS; i++) actors.push(await bare.join({ projectPath: '/p' }))
        const editing: Editing[] = stores.map((store, i) =>
          createEditing({ store, clock: bare.clock, self: () => actors[i]!, lockTtlMinutes: 10 }),
        )
        /** What should be held, by path. */
        let model = new Map<string, Held>()
        const look = async () =>
          new Map((await bare.store.locks.query([])).map((l) => [l.filePath, { holder: l.lockedBy.id, token: l.token }]))
        for (const step of steps) {
          const before = await look()
          // What ran out is gone; nothing else goes by itself.
          for (const [path] of model) if (!before.has(path)) model.delete(path)
          if (step.do === 'pass') {
            bare.clock.pass(step.ms)
            continue
          }
          const actor = actors[step.agent]!
          const store = stores[step.agent]!
          const mine = editing[step.agent]!
          const isTheirs = (wanted: string) => [...before].some(([p, l]) => l.holder !== actor.id && overlap(p, wanted))
          if (step.do === 'edit') {
            const answer = await mine.before(step.paths, { autoLock: step.autoLock })
            const after = await look()
            if (step.paths.some(isTheirs)) {
              seen.refused++
              expect(answer.refused?.length).toBeGreaterThan(0)
              expect(answer.took).toEqual([])
              expect(after).toEqual(before)
            } else {
              expect(answer.refused).toBe(undefined)
              const isOwn = (wanted: string, held: Iterable<string>) =>
                [...held].some((p) => p === wanted || wanted.startsWith(`${p}/`))
              const own = new Set([...before].filter(([, l]) => l.holder === actor.id).map(([p]) => p))
              const expected: string[] = []
              for (const path of step.autoLock ? step.paths : []) if (!isOwn(path, [...own, ...expected])) expected.push(path)
              expect(answer.took).toEqual(expected)
              seen.took += answer.took.length
              for (const path of answer.took) model.set(path, { agent: step.agent, token: after.get(path)!.token, byHook: true })
            }
          } else if (step.do === 'acquire') {
            const claim = {
              paths: step.paths.map((p) => ({ filePath: p, key: p, repo: null, repoPath: null })),
              reason: 'mine',
              ttlMs: 400_000,
            }
            const answer = await store.locks.acquire(actor, { ...claim, ticket: null }, 0)
            if ('granted' in answer)
              for (const row of answer.granted) {
                if (model.get(row.path_key)?.byHook) seen.own++
                model.set(row.path_key, { agent: step.agent, token: row.token, byHook: false })
              }
          } else if (step.do === 'release') {
            const path = { filePath: step.paths[0]!, key: step.paths[0]!, repo: null, repoPath: null }
            await store.locks.release(actor, [path], false).then(
              () => model.delete(path.key),
              () => {},
            )
          } else if (step.do === 'turnEnded') {
            await mine.turnEnded()
            const kept = [...model].filter(([, held]) => !(held.byHook && held.agent === step.agent))
            seen.gaveBack += model.size - kept.length
            model = new Map(kept)
          } else {
            await bare.leave(actor)
            model = new Map([...model].filter(([, held]) => held.agent !== step.agent))
            actors[step.agent] = await bare.join({ projectPath: '/p' })
          }
          const now = await look()
          expect(
            new Map([...now].map(([p, l]) => [p, { agent: actors.findIndex((a) => a.id === l.holder), token: l.token }])),
          ).toEqual(new Map([...model].map(([p, { agent, token }]) => [p, { agent, token }])))
          for (const [a, x] of now) for (const [b, y] of now) if (x.holder !== y.holder) expect(overlap(a, b)).toBe(false)
        }
      })
      .afterEach(async () => {
        for (const actor of actors.splice(0)) await bare.leave(actor)
      }),
    { numRuns: RUNS },
  )
  // A model that is never asked agrees with everything.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
})
