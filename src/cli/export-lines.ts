import { CHOSEN_NAME } from '../core/chosen-name.ts'
import { fail } from '../core/errors.ts'
import type { Mailbox } from '../core/identity.ts'
import { line, text } from '../core/limits.ts'
import { Message, messageId } from '../core/message.ts'
import type { Brought } from '../core/messages.ts'
import { describeIssues } from '../core/operations.ts'
import * as z from '../core/schema.ts'
import type { Entry } from '../core/state.ts'
import { VERSION } from '../core/version.ts'
import { safe } from './terminal.ts'

/**
 * What `export` writes and `import` reads: one JSON object a line. The first says what the file is, the last how much is in
 * it, so that one that was cut off is seen to be. Between them, in any order but that of mail, which is the order of its
 * sending: values; mailboxes (whose unread mail it is, and from whom); messages. A version with a higher number is refused.
 */

const FORMAT = 'slm-mesh-export'
const FORMAT_VERSION = 1
/** As large as values and messages may be, and as wide as JSON can make them. */
const MAX_CHARS = 256 * 1024

const isoTime = z.once(() => z.string().check(z.refine((time) => !Number.isNaN(Date.parse(time)), 'must be a time')))
const whom = z.once(() => z.object({ id: line(64), name: line(64) }))

const records = z.once(() => ({
  header: z.object({ kind: z.literal('header'), format: z.literal(FORMAT), version: z.int() }),
  state: z.object({
    ...{ kind: z.literal('state'), namespace: line(128), key: line(512), value: text(MAX_CHARS) },
    ...{ updatedBy: whom(), updatedAt: isoTime() },
  }),
  mailbox: z.object({
    ...{ kind: z.literal('mailbox'), id: line(64), name: z.string().check(z.regex(CHOSEN_NAME, 'must be the name of a peer')) },
    role: z.enum(['session', 'headless', 'script', 'known']),
    ...{ agentType: line(64), named: z.boolean(), sessionKey: z.nullable(line(256)), projectPath: text(4_096) },
  }),
  message: z.object({
    ...{ kind: z.literal('message'), id: messageId(), thread: messageId(), replyTo: z.nullable(messageId()) },
    ...{ from: z.object({ id: line(64), name: line(64), agentType: line(64) }), to: whom() },
    ...{ type: Message().shape.type, priority: Message().shape.priority, payload: text(64 * 1024), createdAt: isoTime() },
  }),
  end: z.object({ kind: z.literal('end'), state: z.int(), mailboxes: z.int(), messages: z.int() }),
}))

export interface Counts {
  state: number
  mailboxes: number
  messages: number
}

export interface Contents {
  readonly state: readonly Omit<Entry, 'version'>[]
  readonly mailboxes: ReadonlyMap<string, Mailbox>
  /** In the order in which they were sent. */
  readonly messages: readonly Brought[]
}

/** Nothing in it would do anything to a terminal, and it is still the same JSON. */
const written = (record: object) => `${safe(JSON.stringify(record))}\n`

export const headerLine = (exportedAt: string) =>
  written({ kind: 'header', format: FORMAT, version: FORMAT_VERSION, exportedAt, by: `slm-mesh ${VERSION}` })

export const stateLine = ({ namespace, key, value, updatedBy, updatedAt }: Entry) =>
  written({ kind: 'state', namespace, key, value, updatedBy, updatedAt })

export const mailboxLine = ({ kind: role, ...mailbox }: Mailbox) => written({ kind: 'mailbox', role, ...mailbox })

export const messageLine = ({ id, thread, replyTo, from, to, type, priority, payload, createdAt }: Brought) =>
  written({ kind: 'message', id, thread, replyTo, from, to, type, priority, payload, createdAt })

export const endLine = (counts: Counts) => written({ kind: 'end', ...counts })

/** The whole file, checked: who reads only half of it has read nothing (G7). Throws `invalid`, with the number of the line. */
export function parseLines(content: string): Contents {
  const state: Omit<Entry, 'version'>[] = []
  const mailboxes = new Map<string, Mailbox>()
  const messages: Brought[] = []
  const lines = content.split('\n')
  if (lines.at(-1) === '') lines.pop()
  let isEnded = false
  for (const [i, given] of lines.entries()) {
    const wrong = (issue: string) => fail('invalid', { operation: 'import', issues: [`line ${i + 1}: ${issue}`] })
    const record = parsed(given, wrong)
    if (i === 0) {
      const { version } = checked('header', record, () => wrong('is not the beginning of what slm-mesh export writes'))
      if (version > FORMAT_VERSION)
        throw wrong(`was written by a newer slm-mesh: its form is ${version}, known is ${FORMAT_VERSION}`)
      continue
    }
    if (isEnded) throw wrong('stands behind the end')
    switch (kindOf(record)) {
      case 'state':
        state.push(checked('state', record, wrong))
        break
      case 'mailbox': {
        const { role, kind: _, ...mailbox } = checked('mailbox', record, wrong)
        mailboxes.set(mailbox.id, { kind: role, ...mailbox })
        break
      }
      case 'message':
        messages.push(checked('message', record, wrong))
        break
      case 'end': {
        const end = checked('end', record, wrong)
        if (end.state !== state.length || end.messages !== messages.length || end.mailboxes !== mailboxes.size)
          throw wrong('does not count what stands before it: lines are missing, or there twice')
        isEnded = true
        break
      }
      default:
        throw wrong('is of no known kind')
    }
  }
  if (!isEnded) throw fail('invalid', { operation: 'import', issues: ['it ends too early: it was cut off'] })
  return { state, mailboxes, messages }
}

type Kind = keyof ReturnType<typeof records>

function parsed(text: string, wrong: (issue: string) => Error): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong('is not JSON')
  }
}

const kindOf = (record: unknown) => (typeof record === 'object' && record !== null && 'kind' in record ? record.kind : undefined)

function checked<K extends Kind>(
  kind: K,
  record: unknown,
  wrong: (issue: string) => Error,
): z.output<ReturnType<typeof records>[K]> {
  const result = records()[kind].safeParse(record)
  if (!result.success) throw wrong(describeIssues(result.error).join('; '))
  // The schema of that kind has parsed it.
  return result.data as z.output<ReturnType<typeof records>[K]>
}
