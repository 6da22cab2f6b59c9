import { randomBytes } from 'node:crypto'
import { Claims } from '../core/claims.ts'
import { FROM_PEERS } from '../core/inbox.ts'
import type { Message } from '../core/message.ts'
import type { MeshPeer } from '../peer/mesh-peer.ts'
import { letterText, plural } from './answers.ts'

/**
 * What this session's agent has been told of, and shown, of its mail. A message is told of at most once (a line that says
 * where to read it) and shown at most once (its text), whatever routes are under way at the same time: each claims what it
 * carries before anything is awaited, and gives back what did not arrive.
 */

/** Something on its way to the agent. */
export interface Telling {
  readonly text: string
  /** Once it is known whether it has left this process. */
  settle(left: boolean): Promise<void>
}

export interface Waiting {
  readonly id: string
  readonly from: string
  readonly priority: Message['priority']
}

/** What of a peer the mailbox needs; `carrying` is shared with the answers of `mesh_inbox`. */
export type MailOwner = Pick<MeshPeer, 'self' | 'carrying'> & {
  readonly store: { readonly messages: Pick<MeshPeer['store']['messages'], 'untold' | 'unread' | 'markNotified' | 'markSeen'> }
}

const MAX_NAMED = 3
const MAX_LISTED = 100
/** Claude Code moves longer additions into a file, which its model may not open. */
const MAX_SHOWN_CHARS = 8_000

export type Mailbox = ReturnType<typeof createMailbox>

export function createMailbox(peer: MailOwner) {
  /** Told of by something on its way, not yet in the file. */
  const telling = new Claims()

  /** Begun before a read: nothing that is, or was meanwhile, on its way by another route is free. */
  function look() {
    const [told, shown] = [telling.look(), peer.carrying.look()]
    return {
      isFree: ({ id }: { id: string }) => told.isFree(id) && shown.isFree(id),
      [Symbol.dispose]() {
        told[Symbol.dispose]()
        shown[Symbol.dispose]()
      },
    }
  }

  async function untold(): Promise<Waiting[]> {
    using now = look()
    return (await peer.store.messages.untold(peer.self.id, MAX_LISTED)).filter(now.isFree)
  }

  /** Claims these for a line that tells of them; the route is noted once it has left. */
  function claim(ids: readonly string[], route: string): Omit<Telling, 'text'> {
    telling.take(ids)
    return {
      async settle(left) {
        try {
          if (left) await peer.store.messages.markNotified(ids, route)
        } finally {
          telling.release(ids)
        }
      },
    }
  }

  return {
    /** Mail that the agent has not been told of, and is not being told of. */
    untold,

    /** A line that tells of such mail; `choose` says of which. */
    async tell(
      route: string,
      choose: (mail: Waiting) => boolean = () => true,
    ): Promise<(Telling & { ids: string[] }) | undefined> {
      using now = look()
      const mail = (await peer.store.messages.untold(peer.self.id, MAX_LISTED)).filter(now.isFree).filter(choose)
      if (mail.length === 0) return undefined
      const ids = mail.map(({ id }) => id)
      return { ids, text: pointerText(mail), ...claim(ids, route) }
    },

    /**
     * Unread mail itself, as much of it as may be shown at once; the rest is told of. Undefined where there is nothing, or
     * nothing that the agent does not know of already.
     */
    async show(route: string, choose: (mail: Message) => boolean = () => true): Promise<Telling | undefined> {
      using now = look()
      const unread = await peer.store.messages.unread(peer.self.id, {}, MAX_LISTED + peer.carrying.size)
      const mail = unread.filter(now.isFree).filter(choose)
      const marker = randomBytes(6).toString('hex')
      const letters: string[] = []
      const rest = [...mail]
      let room = MAX_SHOWN_CHARS
      for (let next = rest[0]; next; next = rest[0]) {
        const text = letterText(next, marker, Date.now())
        room -= text.length
        if (room < 0) break
        letters.push(text)
        rest.shift()
      }
      const shown = mail.slice(0, letters.length).map(({ id }) => id)
      const untold = rest.filter(({ state }) => state === 'queued')
      if (shown.length === 0 && untold.length === 0) return undefined
      peer.carrying.take(shown)
      const toldOf = claim(
        untold.map(({ id }) => id),
        route,
      )
      const more =
        rest.length === 0 ? [] : [pointerText(rest.map(({ id, from, priority }) => ({ id, from: from.name, priority })))]
      return {
        text: [
          ...(shown.length > 0 ? [`${plural(shown.length, 'message')} from other agents. ${FROM_PEERS}`] : []),
          ...letters,
          ...more,
        ].join('\n'),
        async settle(left) {
          try {
            await peer.store.messages.markSeen(shown, left)
          } finally {
            peer.carrying.release(shown)
            await toldOf.settle(left)
          }
        },
      }
    },
  }
}

function pointerText(mail: readonly Waiting[]): string {
  const urgent = mail.filter(({ priority }) => priority === 'urgent').length
  const senders = [...new Set(mail.map(({ from }) => from))]
  const named = senders.slice(0, MAX_NAMED).join(', ') + (senders.length > MAX_NAMED ? ' and others' : '')
  const count = `${mail.length >= MAX_LISTED ? 'at least ' : ''}${plural(mail.length, 'new message')}`
  return `${count}${urgent > 0 ? ` (${urgent} urgent)` : ''} from ${named}: mesh_inbox shows ${mail.length === 1 ? 'it' : 'them'}.`
}
