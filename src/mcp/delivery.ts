import type { OperationName } from '../core/operations.ts'
import type { MeshPeer } from '../peer/peer.ts'

/**
 * How mail and events reach the agent. This place knows what the session has been told, so that nothing is told
 * twice and nothing is missed. The routes so far, strongest first: a pending `wait` answers by itself (the bell wakes
 * it); else a notice line at the end of the next answer of any mesh tool; else the inbox.
 */

export interface Notice {
  readonly text: string
  /** Once it is known whether the answer that carried the notice has left. */
  settle(left: boolean): Promise<void>
}

const MAX_NAMED = 3
const MAX_LISTED = 100

export function createDelivery(peer: MeshPeer) {
  /** Told by an answer on its way, not yet in the file. */
  const telling = new Set<string>()
  let eventsToldUpTo = 0

  async function mail(): Promise<Notice | undefined> {
    const queued = await peer.store.messages.untold(peer.self.id, MAX_LISTED)
    const untold = queued.filter(({ id }) => !telling.has(id) && !peer.carrying.has(id))
    if (untold.length === 0) return undefined
    const ids = untold.map(({ id }) => id)
    for (const id of ids) telling.add(id)
    const urgent = untold.filter(({ priority }) => priority === 'urgent').length
    const count = `${ids.length === MAX_LISTED ? 'at least ' : ''}${ids.length} new message${ids.length === 1 ? '' : 's'}`
    const senders = [...new Set(untold.map(({ from }) => from))]
    const named = senders.slice(0, MAX_NAMED).join(', ') + (senders.length > MAX_NAMED ? ' and others' : '')
    return {
      text: `${count}${urgent > 0 ? ` (${urgent} urgent)` : ''} from ${named}: mesh_inbox shows ${ids.length === 1 ? 'it' : 'them'}.`,
      async settle(left) {
        try {
          if (left) await peer.store.messages.markNotified(ids, 'notice')
        } finally {
          for (const id of ids) telling.delete(id)
        }
      },
    }
  }

  async function events(): Promise<Notice | undefined> {
    const fresh = await peer.store.events.unread(peer.self.id, MAX_LISTED, eventsToldUpTo)
    const last = fresh?.events.at(-1)
    if (!fresh || !last) return undefined
    const before = eventsToldUpTo
    eventsToldUpTo = last.seq
    const kinds = new Map<string, number>()
    for (const { type } of fresh.events) kinds.set(type, (kinds.get(type) ?? 0) + 1)
    const summary = [...kinds].map(([type, count]) => (count === 1 ? type : `${type} ×${count}`)).join(', ')
    return {
      text: `${fresh.more ? 'at least ' : ''}${fresh.events.length} new event${fresh.events.length === 1 ? '' : 's'} you subscribed to (${summary}): mesh_events action=read.`,
      async settle(left) {
        if (!left && eventsToldUpTo === last.seq) eventsToldUpTo = before
      },
    }
  }

  return {
    /** What to add to an answer, if there is anything that the agent has not been told; undefined otherwise. */
    async notice(answered: OperationName | undefined): Promise<Notice | undefined> {
      const notices = [
        answered === 'message.inbox' ? undefined : await mail(),
        answered === 'event.read' ? undefined : await events(),
      ].filter((notice) => notice !== undefined)
      if (notices.length === 0) return undefined
      return {
        text: notices.map(({ text }) => text).join(' '),
        async settle(left) {
          for (const notice of notices) await notice.settle(left)
        },
      }
    },
  }
}
