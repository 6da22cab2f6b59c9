import { expect, test } from 'vitest'
import { bareStore } from '../support/bare-store.ts'

/** The indexes of unread mail hold the end of an id alone. */

test('mailboxes whose ids end alike hold their own mail, in the order of its sends', async () => {
  await using mesh = await bareStore()
  const [ann, ben] = [await mesh.join({ name: 'ann' }), await mesh.join({ name: 'ben' })]
  const like = `p_${'0'.repeat(15)}${ann.id.slice(-4)}`
  await mesh.database.write((tx) => tx.run('UPDATE peers SET id = ? WHERE id = ?', like, ben.id))
  const mailbox = async (id: string) => ({
    unread: (await mesh.store.messages.unread(id, {}, 10)).map(({ payload }) => payload),
    untold: (await mesh.store.messages.untold(id, 10)).length,
    waits: (await mesh.store.status.waiting(id)).mail,
  })
  const send = (payload: string, ...to: string[]) =>
    mesh.store.messages.send(ann, to, { type: 'text', priority: 'normal', payload })

  await send('1', like)
  expect(await mailbox(like)).toEqual({ unread: ['1'], untold: 1, waits: true })
  expect(await mailbox(ann.id)).toEqual({ unread: [], untold: 0, waits: false })

  for (const payload of ['2', '3', '4']) await send(payload, like, ann.id)
  expect(await mailbox(like)).toEqual({ unread: ['1', '2', '3', '4'], untold: 4, waits: true })
  expect(await mailbox(ann.id)).toEqual({ unread: ['2', '3', '4'], untold: 3, waits: true })
})
