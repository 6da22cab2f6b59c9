import type { OverviewMessage } from '../contract.ts'

/** Mail as conversations. Pure. */

export interface Thread {
  readonly id: string
  /** Oldest first. */
  readonly messages: readonly OverviewMessage[]
  readonly last: OverviewMessage
  readonly participants: readonly { readonly id: string; readonly name: string }[]
  /** Nobody has read these yet. */
  readonly unread: number
  readonly urgent: boolean
}

export const isUnread = ({ state }: OverviewMessage) => state === 'queued' || state === 'notified'

/** Those with the newest mail first. */
export function threadsOf(messages: readonly OverviewMessage[]): readonly Thread[] {
  const byThread = new Map<string, OverviewMessage[]>()
  for (const message of messages) {
    const known = byThread.get(message.thread)
    if (known) known.push(message)
    else byThread.set(message.thread, [message])
  }
  return [...byThread].map(([id, all]) => threadOf(id, all)).sort((a, b) => b.last.seq - a.last.seq)
}

function threadOf(id: string, all: OverviewMessage[]): Thread {
  const messages = all.sort((a, b) => a.seq - b.seq)
  const names = new Map(messages.flatMap(({ from, to }) => [from, to]).map((who) => [who.id, who.name]))
  return {
    id,
    messages,
    last: messages[messages.length - 1] as OverviewMessage, // a thread has at least one
    participants: [...names].map(([id, name]) => ({ id, name })),
    unread: messages.filter(isUnread).length,
    urgent: messages.some((message) => message.priority === 'urgent' && isUnread(message)),
  }
}

/** One letter to several is one row: the copies follow each other, from the same hand at the same moment. */
export interface Letter extends OverviewMessage {
  readonly copies: readonly OverviewMessage[]
}

export function lettersOf(messages: readonly OverviewMessage[]): readonly Letter[] {
  const letters: (Letter & { copies: OverviewMessage[] })[] = []
  for (const message of messages) {
    const before = letters.at(-1)
    if (
      before &&
      before.from.id === message.from.id &&
      before.createdAt === message.createdAt &&
      before.payload === message.payload &&
      before.to.id !== message.to.id
    )
      before.copies.push(message)
    else letters.push({ ...message, copies: [message] })
  }
  return letters
}
