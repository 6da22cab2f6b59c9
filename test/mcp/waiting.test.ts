import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MeshError } from '../../src/core/errors.ts'
import { Agent } from '../support/agent.ts'
import { type Companion, companions } from '../support/companion.ts'
import { eventually } from '../support/eventually.ts'

/** Longer than any of these tests: a wait ends for another reason, or the test fails. */
const LONG = 120
const CROSSINGS = 20

/** Three sessions; the one that waits, b, is a real one. */
async function three() {
  const { dir, agents, ...beside } = await companions(2)
  const [a, c] = agents as [Companion, Companion] // as many as were asked for
  const b = await Agent.start({ dir })
  return {
    ...{ a, b, c, path: join(dir, 'file.ts') },
    async [Symbol.asyncDispose]() {
      await b[Symbol.asyncDispose]()
      await beside[Symbol.asyncDispose]()
    },
  }
}

/** What keeps a lock from that agent: `held`, `awaited`; nothing, and it has the lock now. */
const inTheWay = (agent: Companion, filePath: string): Promise<string[]> =>
  agent.call('lock.acquire', { filePath }).then(
    () => [],
    (error: unknown) => {
      if (!(error instanceof MeshError)) throw error
      return (error.facts.conflicts as { kind: string }[]).map(({ kind }) => kind)
    },
  )

test('a long wait reports its progress, so that the client does not give up', async () => {
  await using mesh = await three()
  const seen: { progress: number; total?: number | undefined }[] = []
  const result = await mesh.b.tool(
    'mesh_inbox',
    { wait: 6 },
    { onprogress: (progress) => seen.push(progress), timeout: 5_900, resetTimeoutOnProgress: true },
  )
  expect(result.structuredContent).toMatchObject({ messages: [], more: false })
  expect(seen).toEqual([{ progress: 5, total: 6, message: 'waiting' }])
})

test('a cancelled wait for mail ends, and the mail that comes then is unread', async () => {
  await using mesh = await three()
  const { a, b } = mesh
  const cancel = new AbortController()
  const waiting = b.tool('mesh_inbox', { wait: LONG }, { signal: cancel.signal })
  await b.call('mesh.status', {}) // in order: the wait has begun
  cancel.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await a.call('message.send', { to: await b.name(), message: 'after all' })
  const sent = async () => (await a.call('message.inbox', { filter: 'sent' })).messages
  expect(await sent()).toMatchObject([{ payload: 'after all', readAt: null }])
  expect((await b.call('message.inbox', {})).messages.map(({ payload }) => payload)).toEqual(['after all'])
})

test('mail that crosses a cancellation is not swallowed: what the client dropped is unread again', async () => {
  await using mesh = await three()
  const { a, b } = mesh
  const name = await b.name()
  const read: string[] = []
  const take = (result: { structuredContent?: Record<string, unknown> | undefined }) =>
    read.push(...((result.structuredContent?.messages ?? []) as { payload: string }[]).map(({ payload }) => payload))
  for (let i = 0; i < CROSSINGS; i++) {
    const cancel = new AbortController()
    const waiting = b.tool('mesh_inbox', { wait: LONG }, { signal: cancel.signal }).then(take, () => {})
    const sending = a.call('message.send', { to: name, message: `${i}` })
    if (i % 2 === 0) await sending
    cancel.abort()
    await Promise.all([waiting, sending])
  }
  const atOnce = read.length
  // A cancelled answer that is still on its way holds its mail back for a moment.
  await eventually(async () => {
    take(await b.tool('mesh_inbox', { limit: 100 }))
    return new Set(read).size === CROSSINGS
  })
  console.info(`cancelled reads: ${CROSSINGS} sent, ${atOnce} read at once, ${read.length - atOnce} shown later`)
  expect((await b.call('message.inbox', { filter: 'all', limit: 100 })).messages).toHaveLength(CROSSINGS)
  await eventually(async () => (await b.call('mesh.status', {})).self.unread === 0)
})

test('a cancelled wait for a lock leaves the line and frees nothing', async () => {
  await using mesh = await three()
  const { a, b, c, path } = mesh
  await a.call('lock.acquire', { filePath: path })
  const cancel = new AbortController()
  const waiting = b.call('lock.acquire', { filePath: path, wait: LONG }, { signal: cancel.signal })
  await eventually(async () => (await inTheWay(c, path)).includes('awaited'))
  cancel.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await eventually(async () => (await inTheWay(c, path)).join() === 'held')
  expect((await c.call('lock.query', { filePath: path })).locks).toMatchObject([{ lockedBy: { name: await a.name() } }])
  await a.call('lock.release', { filePath: path })
  expect((await c.call('lock.acquire', { filePath: path })).lock).toMatchObject({ lockedBy: { name: await c.name() } })
})

test('a wait for a lock that is cancelled just as its turn comes leaves nobody in line', async () => {
  await using mesh = await three()
  const { a, b, c, path } = mesh
  let crossed = 0
  for (let round = 0; round < CROSSINGS; round++) {
    await a.call('lock.acquire', { filePath: path })
    const cancel = new AbortController()
    const waiting = b.call('lock.acquire', { filePath: path, wait: LONG }, { signal: cancel.signal }).catch(() => undefined)
    await eventually(async () => (await inTheWay(c, path)).includes('awaited'), { every: 1 })
    const releasing = a.call('lock.release', { filePath: path })
    if (round % 3 > 0) await releasing
    cancel.abort()
    await Promise.all([waiting, releasing])
    await b.call('mesh.status', {}) // in order: the cancellation has been heard
    // Either the grant had left before, and b can give it back; or, in a moment at the latest, nobody has it.
    await eventually(async () => {
      const kinds = await inTheWay(c, path)
      if (kinds.length === 0) return c.call('lock.release', { filePath: path })
      await b.call('lock.release', { filePath: path })
      crossed++
      return true
    })
  }
  expect((await c.call('lock.query', {})).locks).toEqual([])
  console.info(`cancelled locks: ${CROSSINGS} cancelled as their turn came, ${crossed} granted before`)
})

test('a cancelled wait for events ends and leaves no subscription behind', async () => {
  await using mesh = await three()
  const { a, b } = mesh
  const cancel = new AbortController()
  const waiting = b.call('event.read', { types: ['x_never'], wait: LONG }, { signal: cancel.signal })
  await b.call('mesh.status', {})
  cancel.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await a.call('event.emit', { types: ['x_never'] })
  const { structuredContent } = await b.tool('mesh_status', {})
  expect(structuredContent).toMatchObject({ self: { subscribed: [] } })
  expect(structuredContent).not.toHaveProperty('notice')
})

test('a wait in the middle does not keep other calls of the same session waiting', async () => {
  await using mesh = await three()
  const { a, b, path } = mesh
  await a.call('lock.acquire', { filePath: path })
  const waits = [
    b.call('message.inbox', { wait: LONG }),
    b.call('event.read', { types: ['x_go'], wait: LONG }),
    b.call('lock.acquire', { filePath: path, wait: LONG }),
  ] as const
  await b.call('state.set', { key: 'k', value: 'meanwhile' })
  expect((await a.call('state.get', { key: 'k' })).entry.value).toBe('meanwhile')
  await a.call('message.send', { to: await b.name(), message: 'go' })
  expect((await waits[0]).messages).toHaveLength(1)
  await a.call('lock.release', { filePath: path })
  expect((await waits[2]).lock?.filePath).toBe(path)
  let heard = false
  void waits[1].then(() => {
    heard = true
  })
  await eventually(async () => {
    await a.call('event.emit', { types: ['x_go'] })
    return heard
  })
})
