import { isoTime } from './iso-time.ts'
import * as z from './schema.ts'

/**
 * What a message is. Its state says only what was observed: queued (stored) → notified (the agent was told, by which
 * route) → seen (an answer that carried it has left our process) → acked (the recipient replied to it); or expired,
 * unread for longer than messages are kept.
 */

export const messageId = z.once(() => z.string().check(z.regex(/^m_[0-9a-z]{19}$/, 'must be a message id, such as m_01…')))

export const State = z.once(() => z.enum(['queued', 'notified', 'seen', 'acked', 'expired']))

export const Message = z.once(() =>
  z.object({
    id: z.string(),
    from: z.object({ id: z.string(), name: z.string(), agentType: z.string() }),
    to: z.object({ id: z.string(), name: z.string() }),
    type: z.enum(['text', 'json', 'command', 'alert']),
    priority: z.enum(['urgent', 'normal', 'low']),
    payload: z.string(),
    createdAt: z.string(),
    deliveredAt: z.nullable(z.string()),
    readAt: z.nullable(z.string()),
    state: State(),
    replyTo: z.nullable(z.string()),
    thread: z.string(),
  }),
)
export type Message = z.infer<ReturnType<typeof Message>>

export interface MessageRow {
  seq: number
  id: string
  thread: string
  reply_to: string | null
  sender_id: string
  sender_name: string
  sender_agent: string
  recipient_id: string
  recipient_name: string
  type: Message['type']
  priority: Message['priority']
  payload: string
  created_at: number
  notified_at: number | null
  seen_at: number | null
  acked_at: number | null
  expired_at: number | null
}

/** What finds a mailbox's unread mail: the indexes of it hold the last four characters of an id. Takes the id twice. */
export const IN_MAILBOX = 'substr(recipient_id, 18) = substr(?, 18) AND recipient_id = ?'

const iso = (ms: number | null) => (ms === null ? null : isoTime(ms))

const stateOf = (row: MessageRow): Message['state'] => {
  if (row.acked_at !== null) return 'acked'
  if (row.seen_at !== null) return 'seen'
  if (row.expired_at !== null) return 'expired'
  return row.notified_at === null ? 'queued' : 'notified'
}

export const fromRow = (row: MessageRow): Message => ({
  id: row.id,
  from: { id: row.sender_id, name: row.sender_name, agentType: row.sender_agent },
  to: { id: row.recipient_id, name: row.recipient_name },
  type: row.type,
  priority: row.priority,
  payload: row.payload,
  createdAt: isoTime(row.created_at),
  deliveredAt: iso(row.notified_at ?? row.seen_at),
  readAt: iso(row.seen_at),
  state: stateOf(row),
  replyTo: row.reply_to,
  thread: row.thread,
})
