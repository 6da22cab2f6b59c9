import { MeshError } from '../../../core/errors.ts'
import type { Event } from '../../../core/events.ts'
import { KNOWN_SENDERS } from '../../../core/outsiders.ts'
import type { Mesh } from '../../connect.ts'
import { type Change, textOf } from './model.ts'

/**
 * Looking into mailboxes without taking anything out of them. What somebody has sent is nobody's unread mail, so the texts
 * come from the senders' side. How much waits is read in the recipients' own mailboxes, but never as somebody who could
 * take it out: a script, or a person at a shell.
 *
 * Nothing happens on the mesh when mail is read. So those whose mail is still on its way are looked at again, now and then.
 */

const TEXTS = 50
const COUNTED = 100

/** Whom to look at. */
export interface Looks {
  readonly senders: Set<string>
  readonly recipients: Set<string>
}

export const noLooks = (): Looks => ({ senders: new Set(), recipients: new Set() })

/** What an event says about mail: a reply settles what the one replied to had sent, too. */
export function concern(looks: Looks, { type, payload }: Event): boolean {
  if (type !== 'message_received') return false
  for (const id of [textOf(payload.from), textOf(payload.to)]) {
    looks.senders.add(id)
    looks.recipients.add(id)
  }
  return true
}

export function createMailboxes(mesh: Mesh, signal: AbortSignal) {
  const isSession = new Map<string, boolean>()

  /** Whoever nobody else may act as is a session: of its mailbox, we only see. */
  async function mayLook(id: string): Promise<boolean> {
    if ((KNOWN_SENDERS as readonly string[]).includes(id)) return false
    const known = isSession.get(id)
    if (known !== undefined) return known
    const found = await mesh
      .as(id)('event.read', { limit: 1 }, { signal })
      .then(
        () => false,
        (error: unknown) => {
          if (error instanceof MeshError && error.code === 'impersonation') return true
          throw error
        },
      )
    isSession.set(id, found)
    return found
  }

  return {
    /** Looks where `due` says. Returns those that must be looked at again. */
    async look(due: Looks, on: (change: Change) => void): Promise<Looks> {
      const again = noLooks()
      for (const id of due.senders)
        await unlessForgotten(async () => {
          const { messages } = await mesh.as(id)('message.inbox', { filter: 'sent', limit: TEXTS }, { signal })
          if (messages.some(({ state }) => state === 'queued' || state === 'notified')) again.senders.add(id)
          if (messages.length > 0) on({ kind: 'mail', messages })
        })
      for (const id of due.recipients)
        await unlessForgotten(async () => {
          if (!(await mayLook(id))) return
          const { messages, more } = await mesh.as(id)('message.inbox', { filter: 'unread', limit: COUNTED }, { signal })
          if (messages.length > 0) again.recipients.add(id)
          on({ kind: 'unread', peerId: id, unread: { count: messages.length, more } })
        })
      return again
    },
  }
}

/** A mailbox may be gone by the time it is looked at. */
async function unlessForgotten(look: () => Promise<void>): Promise<void> {
  try {
    await look()
  } catch (error) {
    const isGone = error instanceof MeshError && ['unknown_peer', 'not_found', 'impersonation'].includes(error.code)
    if (!isGone) throw error
  }
}
