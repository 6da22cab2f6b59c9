import { expect, test } from 'vitest'
import { IN_MAILBOX } from '../../src/core/message.ts'
import type { MessageQuery } from '../../src/core/oversight.ts'
import { type BareStore, bareStore } from '../support/bare-store.ts'

/** What an overseer sees of everything. */

const LETTER = { type: 'text', priority: 'normal' } as const

/** Two peers, who have written to each other. */
async function twoWhoWrote(mesh: BareStore, payloads: readonly string[]) {
  const [ann, ben] = [await mesh.join({ name: 'ann' }), await mesh.join({ name: 'ben' })]
  for (const [i, payload] of payloads.entries())
    await mesh.store.messages.send(i % 2 === 0 ? ann : ben, [i % 2 === 0 ? ben.id : ann.id], { ...LETTER, payload })
  return { ann, ben }
}

const textsOf = async (mesh: BareStore, query: Partial<MessageQuery> = {}) => {
  const { messages, next, more } = await mesh.store.oversight.messages({ limit: 50, ...query })
  return { texts: messages.map(({ payload }) => payload), next, more, seqs: messages.map(({ seq }) => seq) }
}

test('mail comes newest first, a page at a time, and oldest first after a seq', async () => {
  await using mesh = await bareStore()
  await twoWhoWrote(mesh, ['1', '2', '3', '4', '5'])
  const first = await textsOf(mesh, { limit: 2 })
  expect(first).toMatchObject({ texts: ['5', '4'], more: true })
  const second = await textsOf(mesh, { limit: 2, before: first.next ?? 0 })
  expect(second).toMatchObject({ texts: ['3', '2'], more: true })
  expect(await textsOf(mesh, { limit: 2, before: second.next ?? 0 })).toMatchObject({ texts: ['1'], more: false, next: null })
  expect(await textsOf(mesh, { limit: 2, after: second.seqs[1] ?? 0 })).toMatchObject({ texts: ['3', '4'], more: true })
})

test('it is found by peer, by thread, and by text in capitals or not', async () => {
  await using mesh = await bareStore()
  const { ann, ben } = await twoWhoWrote(mesh, ['Über den Wolken', '100% sure_of it', 'x'])
  const cid = await mesh.join({ name: 'cid' })
  const [sent] = await mesh.store.messages.send(cid, [ann.id], { ...LETTER, payload: 'from cid' })
  await mesh.store.messages.send(ann, [cid.id], { ...LETTER, payload: 'back', replyTo: sent?.id })
  const texts = async (query: Partial<MessageQuery>) => (await textsOf(mesh, query)).texts
  expect(await texts({ text: 'ÜBER' })).toEqual(['Über den Wolken'])
  expect(await texts({ text: '0% SURE_' })).toEqual(['100% sure_of it'])
  expect(await texts({ text: 'CID' })).toEqual(['back', 'from cid'])
  expect(await texts({ peer: cid.id })).toEqual(['back', 'from cid'])
  expect(await texts({ peer: 'CID' })).toEqual(['back', 'from cid'])
  expect(await texts({ peer: ben.id, text: 'x' })).toEqual(['x'])
  expect(await texts({ thread: sent?.id, after: 0 })).toEqual(['from cid', 'back'])
  expect(await texts({ thread: sent?.id, peer: ben.id })).toEqual([])
  expect(await texts({ peer: 'nobody' })).toEqual([])
})

test('a search for what is rare looks at so many at most, and says where to go on', async () => {
  await using mesh = await bareStore()
  await twoWhoWrote(mesh, ['needle'])
  await mesh.database.write((tx) => tx.run(`UPDATE messages SET payload = 'hay'`))
  await mesh.copyMail(20_500)
  await mesh.database.write((tx) => tx.run(`UPDATE messages SET payload = 'needle' WHERE seq = 1`))
  const first = await textsOf(mesh, { text: 'needle' })
  expect(first).toMatchObject({ texts: [], more: true, next: expect.any(Number) })
  expect(await textsOf(mesh, { text: 'needle', before: first.next ?? 0 })).toMatchObject({ texts: ['needle'], more: false })
})

test('every query of mail goes through an index', async () => {
  await using mesh = await bareStore()
  const UNREAD = 'seen_at IS NULL AND expired_at IS NULL'
  const plans = [
    'SELECT * FROM messages INDEXED BY messages_thread WHERE thread = ? AND (sender_id = ? OR recipient_id = ?) AND seq < ? ORDER BY seq DESC LIMIT ?',
    'SELECT * FROM messages INDEXED BY messages_sender WHERE sender_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    'SELECT * FROM messages INDEXED BY messages_recipient WHERE recipient_id = ? AND seq > ? ORDER BY seq ASC LIMIT ?',
    'SELECT * FROM messages WHERE thread = ? AND seq < ? ORDER BY seq DESC LIMIT ?',
    'SELECT * FROM messages WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    `SELECT * FROM messages INDEXED BY messages_unread WHERE ${IN_MAILBOX} AND ${UNREAD} ORDER BY seq LIMIT ?`,
    `SELECT * FROM messages INDEXED BY messages_queued WHERE ${IN_MAILBOX} AND ${UNREAD} AND notified_at IS NULL ORDER BY seq LIMIT ?`,
  ].map((text) => {
    const nulls = [...text.matchAll(/\?/g)].map(() => null)
    const steps = mesh.database.read((sql) => sql.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, ...nulls))
    return steps.map(({ detail }) => detail).join('; ')
  })
  for (const plan of plans) {
    expect(plan).toMatch(/^SEARCH messages USING (INDEX|INTEGER PRIMARY KEY)/)
    expect(plan).not.toContain('TEMP B-TREE')
  }
})

test('locks are shown with who waits for them, or for something in them, first come first', async () => {
  await using mesh = await bareStore()
  const [ann, ben, cid] = [await mesh.join({ name: 'ann' }), await mesh.join({ name: 'ben' }), await mesh.join({ name: 'cid' })]
  await mesh.caller(ann)('lock.acquire', { filePath: '/tmp/project/src', reason: 'moving things' })
  const stop = new AbortController()
  const waiting = [
    mesh.caller(ben)(
      'lock.acquire',
      { filePath: ['/tmp/project/src/a.ts', '/tmp/project/src/b.ts'], wait: 60 },
      { signal: stop.signal },
    ),
  ]
  await expect.poll(async () => (await mesh.store.oversight.locks())[0]?.waiters.length).toBe(1)
  waiting.push(mesh.caller(cid)('lock.acquire', { filePath: '/tmp/project/src', wait: 60 }, { signal: stop.signal }))
  await expect.poll(async () => (await mesh.store.oversight.locks())[0]?.waiters.length).toBe(2)
  const [lock, ...others] = await mesh.store.oversight.locks()
  expect(others).toEqual([])
  expect(lock).toMatchObject({
    filePath: '/tmp/project/src',
    holder: { id: ann.id, name: 'ann' },
    reason: 'moving things',
    waiters: [
      { id: ben.id, name: 'ben', until: expect.any(String) },
      { id: cid.id, name: 'cid', until: expect.any(String) },
    ],
  })
  stop.abort()
  await Promise.allSettled(waiting)
  mesh.clock.pass(24 * 3_600_000)
  expect(await mesh.store.oversight.locks()).toEqual([])
})

test('peers are all of them: who lives, who is away, and the known ones', async () => {
  await using mesh = await bareStore()
  const [ann, ben] = [await mesh.join({ name: 'ann' }), await mesh.join({ name: 'ben', kind: 'headless' })]
  await mesh.store.messages.send(ben, [ann.id, 'dashboard'], { ...LETTER, payload: 'x' })
  await mesh.leave(ann)
  const peers = (await mesh.store.oversight.peers()).map(({ name, kind, status, unread }) => ({ name, kind, status, unread }))
  expect(peers).toEqual([
    { name: 'ben', kind: 'headless', status: 'active', unread: 0 },
    { name: 'cli', kind: 'known', status: 'away', unread: 0 },
    { name: 'dashboard', kind: 'known', status: 'away', unread: 1 },
    { name: 'ann', kind: 'session', status: 'away', unread: 1 },
  ])
})

test('namespaces are counted', async () => {
  await using mesh = await bareStore()
  const ann = await mesh.join()
  const call = mesh.caller(ann)
  await call('state.set', { key: 'a', value: '1' })
  await call('state.set', { key: 'b', value: '1', namespace: 'build' })
  await call('state.set', { key: 'c', value: '1', namespace: 'build' })
  expect(await mesh.store.oversight.namespaces()).toEqual([
    { namespace: 'build', keys: 2 },
    { namespace: 'default', keys: 1 },
  ])
})
