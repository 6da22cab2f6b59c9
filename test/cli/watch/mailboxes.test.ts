import { expect, test } from 'vitest'
import { createMailboxes } from '../../../src/cli/commands/watch/mailboxes.ts'
import type { Change } from '../../../src/cli/commands/watch/model.ts'
import type { Mesh } from '../../../src/cli/mesh.ts'
import { fail } from '../../../src/core/errors.ts'
import type { Caller } from '../../../src/core/operations.ts'
import { message } from '../../support/watch-models.ts'

/** A mesh of one session, one script and one peer that is forgotten, which remembers what was asked in whose name. */
function fakeMesh() {
  const asked: string[] = []
  const as =
    (reference: string): Caller =>
    async (name, input) => {
      asked.push(`${reference} ${name} ${'filter' in input ? input.filter : ''}`.trim())
      if (reference === 'p_gone') throw fail('unknown_peer', { peer: reference, suggestions: [] })
      if (name === 'event.read' && reference !== 'p_script') throw fail('impersonation', { peer: reference })
      const messages =
        'filter' in input && input.filter !== 'sent' ? [message({ from: { id: 'p_script', name: 's', agentType: '' } })] : []
      return { messages, more: false, events: [], cursor: 0 } as never // what the two operations answer
    }
  return { asked, mesh: { as } as Pick<Mesh, 'as'> as Mesh }
}

test('nothing is asked in the name of a script but whether it is one; its mail is seen at the other end', async () => {
  const { asked, mesh } = fakeMesh()
  const changes: Change[] = []
  const mailboxes = createMailboxes(mesh, new AbortController().signal)
  const look = () =>
    mailboxes.look({ senders: new Set(['p_script']), recipients: new Set(['p_one', 'p_script']) }, (change) =>
      changes.push(change),
    )
  await look()
  await look()
  expect(asked.filter((call) => call.startsWith('p_script'))).toEqual(['p_script event.read'])
  expect(asked.filter((call) => call === 'p_one message.inbox all').length).toBe(2)
  expect(changes).toContainEqual({ kind: 'unread', peerId: 'p_one', unread: { count: 1, more: false } })
  expect(changes.some((change) => change.kind === 'mail')).toBe(true)
})

test('the mailboxes of people at a shell or a browser are never opened', async () => {
  const { asked, mesh } = fakeMesh()
  await createMailboxes(mesh, new AbortController().signal).look(
    { senders: new Set(['cli']), recipients: new Set(['cli', 'dashboard']) },
    () => {},
  )
  expect(asked).toEqual(['cli message.inbox sent'])
})

test('a mailbox that is gone by now stops nothing; one with unread mail is looked at again', async () => {
  const { mesh } = fakeMesh()
  const again = await createMailboxes(mesh, new AbortController().signal).look(
    { senders: new Set(['p_gone']), recipients: new Set(['p_gone', 'p_one']) },
    () => {},
  )
  expect(again).toEqual({ senders: new Set(), recipients: new Set(['p_one']) })
})
