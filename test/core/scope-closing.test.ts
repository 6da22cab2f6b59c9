import { expect, test } from 'vitest'
import { Scope } from '../../src/core/scope.ts'
import { eventually } from '../support/eventually.ts'

const close = (scope: Scope) => scope[Symbol.asyncDispose]()

test('closing goes backwards, once, and reports every failure after all are closed', async () => {
  const scope = new Scope()
  const done: string[] = []
  scope.defer(() => done.push('first'))
  scope.defer(() => Promise.reject(new Error('second')))
  scope.defer(() => {
    throw new Error('third')
  })
  const takenBack = scope.defer(() => done.push('never'))
  takenBack()
  const closing = close(scope)
  expect(scope.signal.aborted).toBe(true)
  await expect(closing).rejects.toMatchObject({ errors: [new Error('third'), new Error('second')] })
  await expect(close(scope)).rejects.toThrow() // the same closing, not another
  expect(done).toEqual(['first'])
})

test('what is handed over while closing, or after, is closed as well', async () => {
  const scope = new Scope()
  const done: string[] = []
  scope.defer(async () => {
    scope.defer(() => done.push('handed over while closing'))
  })
  await close(scope)
  expect(done).toEqual(['handed over while closing'])
  scope.defer(() => done.push('late'))
  scope.defer(() => {
    throw new Error('late, and nobody to tell')
  })
  await eventually(() => done.includes('late'))
})

test('a child closes with its parent, or earlier and then no second time; one of a closed parent is closed', async () => {
  const parent = new Scope()
  const done: string[] = []
  const [early, late] = [parent.child(), parent.child()]
  early.defer(() => done.push('early'))
  late.defer(() => done.push('late'))
  await close(early)
  expect(done).toEqual(['early'])
  await close(parent)
  expect(done).toEqual(['early', 'late'])
  await eventually(() => parent.child().signal.aborted)
})

test('a loop never overlaps itself, survives a failing round, and ends with its scope', async () => {
  const scope = new Scope()
  let running = 0
  let most = 0
  let rounds = 0
  const failures: unknown[] = []
  const round = async () => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setImmediate(resolve))
    running--
    if (++rounds === 2) throw new Error('the second')
  }
  scope.every(1, round, (error) => failures.push(error))
  await eventually(() => rounds >= 5)
  await close(scope)
  await eventually(() => running === 0)
  const after = rounds
  scope.every(1, round, () => {})
  const other = new Scope()
  let ticks = 0
  other.every(
    1,
    () => ticks++,
    () => {},
  )
  await eventually(() => ticks >= 10) // time has gone by: the closed scope's loops would have run
  await close(other)
  expect([most, failures, rounds]).toEqual([1, [new Error('the second')], after])
})
