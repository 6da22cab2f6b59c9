import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import type { Mailbox } from './identity.ts'
import { newId } from './ids.ts'
import { createInbox } from './inbox.ts'
import { limitBytes, MAX_LIST, peerReference, text } from './limits.ts'
import { type Message, type MessageRow, messageId, State } from './message.ts'
import { type Actor, operation } from './operation.ts'
import type { PeerRow } from './peer.ts'
import type { Peers } from './peers.ts'
import { tried } from './rehearsal.ts'
import type { RingLater } from './ring.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/** Mail between peers: one row a recipient, in the order of its sender's sends. The receiving side is inbox.ts. */

const MAX_PAYLOAD_BYTES = 64 * 1024
const MAX_UNREAD = 10_000

interface Letter {
  readonly type: Message['type']
  readonly priority: Message['priority']
  readonly payload: string
  readonly replyTo?: string | undefined
}

const INSERT = `INSERT INTO messages (id, thread, reply_to, sender_id, sender_name, sender_agent, recipient_id, recipient_name,
  type, priority, payload, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Of a message what does not change on its way. */
export type Brought = Omit<Message, 'deliveredAt' | 'readAt' | 'state'>

export type Messages = ReturnType<typeof createMessages>

export function createMessages(database: Storage, clock: Clock, events: Events, peers: Peers, ring: RingLater) {
  peers.hook({
    merged: (tx, from, into) =>
      void tx.run(
        'UPDATE messages SET recipient_id = ?, recipient_name = ? WHERE recipient_id = ? AND seen_at IS NULL',
        into.id,
        into.name,
        from,
      ),
  })

  /** `all` is every other living peer; names, ids and prefixes are looked up, each recipient once. */
  function recipients(sql: Sql, sender: Actor, to: readonly string[]): PeerRow[] {
    const found = to.flatMap((reference) =>
      reference === 'all' ? peers.living(sql).filter((peer) => peer.id !== sender.id) : [peers.find(sql, reference)],
    )
    return [...new Map(found.map((peer) => [peer.id, peer])).values()]
  }

  /** A reply belongs to its message's thread and acknowledges it. Only the two who share a message may reply. */
  function answered(tx: Transaction, sender: Actor, replyTo: string): string {
    const original = tx.get<MessageRow>('SELECT * FROM messages WHERE id = ?', replyTo)
    if (!original || (original.recipient_id !== sender.id && original.sender_id !== sender.id))
      throw fail('not_found', { what: 'message of yours', id: replyTo })
    if (original.recipient_id === sender.id)
      tx.run(
        'UPDATE messages SET acked_at = coalesce(acked_at, ?), seen_at = coalesce(seen_at, ?) WHERE seq = ?',
        clock.now(),
        clock.now(),
        original.seq,
      )
    return original.thread
  }

  return {
    /** Stores one copy a recipient and has the living ones rung. Throws `unknown_peer`, `full`, `not_found`. */
    async send(sender: Actor, to: readonly string[], letter: Letter): Promise<{ id: string; peer: PeerRow }[]> {
      return database.write((tx) => {
        const now = clock.now()
        let thread = letter.replyTo === undefined ? undefined : answered(tx, sender, letter.replyTo)
        return recipients(tx, sender, to).map((peer) => {
          if (peer.unread >= MAX_UNREAD) throw fail('full', { what: `the mailbox of ${peer.name}`, limit: MAX_UNREAD })
          const id = newId('m', now)
          thread ??= id
          tx.run(
            INSERT,
            id,
            thread,
            letter.replyTo ?? null,
            sender.id,
            sender.name,
            sender.agentType,
            peer.id,
            peer.name,
            letter.type,
            letter.priority,
            letter.payload,
            now,
          )
          events.append(tx, 'message_received', { messageId: id, from: sender.id, to: peer.id }, sender)
          ring(tx, peer)
          return { id, peer }
        })
      })
    },

    /**
     * A message of another mesh, with its id, thread and time, into the mailbox that its recipient's is here. It is unread, and
     * comes after what is there. One that is here already, or older than mail is kept, is left out. Throws `full`.
     */
    async bring(
      { message, from, to }: { message: Brought; from: Mailbox | undefined; to: Mailbox },
      { notBefore, isReal }: { notBefore: number; isReal: boolean },
    ): Promise<{ outcome: 'brought' | 'known' | 'old'; made: string[] }> {
      const createdAt = Date.parse(message.createdAt)
      return tried(database, isReal, (tx) => {
        if (tx.get('SELECT 1 FROM messages WHERE id = ?', message.id)) return { outcome: 'known', made: [] }
        if (createdAt < notBefore) return { outcome: 'old', made: [] }
        const mailbox = peers.adopt(tx, to)
        const sender = from ? peers.adopt(tx, from) : { ...message.from, isNew: false }
        if (mailbox.unread >= MAX_UNREAD) throw fail('full', { what: `the mailbox of ${mailbox.name}`, limit: MAX_UNREAD })
        tx.run(
          INSERT,
          ...[message.id, message.thread, message.replyTo, sender.id, sender.name, message.from.agentType],
          ...[mailbox.id, mailbox.name, message.type, message.priority, message.payload, createdAt],
        )
        events.append(tx, 'message_received', { messageId: message.id, from: sender.id, to: mailbox.id }, sender)
        ring(tx, mailbox)
        return { outcome: 'brought', made: [...(mailbox.isNew ? [to.id] : []), ...(from && sender.isNew ? [from.id] : [])] }
      })
    },

    ...createInbox(database, clock, peers),
  }
}

const Receipt = z.once(() =>
  z.object({
    messageId: z.string(),
    name: z.string(),
    state: State(),
    away: z.boolean().check(z.describe('no process stands behind it now; the mail waits in its mailbox')),
  }),
)

export const messageOperations = {
  'message.send': operation({
    summary: 'Send to one peer, several, or all.',
    effect: 'write',
    input: () =>
      z.object({
        to: z.union([peerReference(), z.array(peerReference()).check(z.minLength(1), z.maxLength(MAX_LIST))]),
        message: text().check(z.minLength(1)),
        type: z._default(z.enum(['text', 'json', 'command', 'alert']), 'text'),
        priority: z._default(z.enum(['normal', 'urgent', 'low']), 'normal'),
        replyTo: z.optional(messageId()),
      }),
    output: () =>
      z.object({
        messageId: z.optional(z.string()),
        messageIds: z.optional(z.array(z.string())),
        recipients: z.array(Receipt()),
      }),
    run: async ({ store, actor }, { to, message, type, priority, replyTo }) => {
      limitBytes('message', message, MAX_PAYLOAD_BYTES)
      if (type === 'json') assertJson(message)
      const references = Array.isArray(to) ? to : [to]
      const sent = await store.messages.send(actor, references, { type, priority, payload: message, replyTo })
      const recipients = sent.map(({ id, peer }) => ({
        messageId: id,
        name: peer.name,
        state: 'queued' as const,
        away: peer.live === 0,
      }))
      const only = !Array.isArray(to) && to !== 'all' ? recipients[0] : undefined
      return only ? { messageId: only.messageId, recipients } : { messageIds: recipients.map((r) => r.messageId), recipients }
    },
  }),
}

function assertJson(message: string): void {
  try {
    JSON.parse(message)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw fail('invalid', { operation: 'message.send', issues: [`message: is not JSON (${detail})`] }, { cause: error })
  }
}
