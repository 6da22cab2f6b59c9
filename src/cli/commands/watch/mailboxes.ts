import { MeshError } from '../../../core/errors.ts'
import type { Event } from '../../../core/event.ts'
import type { Message } from '../../../core/message.ts'
import { KNOWN_SENDERS } from '../../../core/outsiders.ts'
import { textOf } from '../../../core/words.ts'
import type { Mesh } from '../../mesh.ts'
import type { Change } from './model.ts'

/**
 * Looking into mailboxes without touching them. A session's mail is only seen by us, whichever way we look: nobody else
 * may act as it. A registered script is another matter: whoever asks in its name takes its mail, and is its sign of life.
 * So nothing is asked in a script's name, once it is known to be one; its mail is seen from the other side.
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
  const sessions = new Map<string, boolean>()
  /** How much was unread at the last look. */
  const waiting = new Map<string, number>()
  const isKnown = (id: string) => (KNOWN_SENDERS as readonly string[]).includes(id)

  const read = (id: string, filter: 'all' | 'sent' | 'unread', limit: number) =>
    mesh.as(id)('message.inbox', { filter, limit }, { signal })

  /** Whoever nobody else may act as is a session. This is the one question that a script is asked. */
  async function isSession(id: string): Promise<boolean> {
    const known = sessions.get(id)
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
    sessions.set(id, found)
    return found
  }

  return {
    /** Looks where `due` says. Returns those that must be looked at again. */
    async look(due: Looks, on: (change: Change) => void): Promise<Looks> {
      const again = noLooks()
      let isHidden = false
      const tell = (messages: readonly Message[]) => {
        if (messages.length > 0) on({ kind: 'mail', messages })
      }
      for (const id of due.senders)
        await unlessForgotten(async () => {
          if (!isKnown(id) && !(await isSession(id))) {
            isHidden = true
            return
          }
          const { messages } = await read(id, 'sent', TEXTS)
          if (messages.some(({ state }) => state === 'queued' || state === 'notified')) again.senders.add(id)
          tell(messages)
        })
      for (const id of due.recipients)
        await unlessForgotten(async () => {
          if (isKnown(id) || !(await isSession(id))) return
          const { messages, more } = await read(id, 'unread', COUNTED)
          on({ kind: 'unread', peerId: id, unread: { count: messages.length, more } })
          if (messages.length > 0) again.recipients.add(id)
          // What a script has sent is seen here alone.
          const before = waiting.get(id)
          if (isHidden || before === undefined || messages.length < before) tell((await read(id, 'all', TEXTS)).messages)
          waiting.set(id, messages.length)
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
