import { stripVTControlCharacters } from 'node:util'
import { Option } from 'commander'
import type { Message } from '../../core/message.ts'
import { type Define, type Desk, examples, wholeNumber } from '../command.ts'
import { EXIT_ABSENT, EXIT_INTERRUPTED, EXIT_OK } from '../failures.ts'
import { fold } from '../fold.ts'
import { paint, safe, safeLines, type Terminal } from '../terminal.ts'
import { type Times, times } from '../times.ts'
import { width } from '../width.ts'

interface Options {
  filter: 'unread' | 'all' | 'sent'
  from?: string
  thread?: string
  limit: number
  wait: number
  absolute?: boolean
}

export const define: Define = (command, handle) => {
  command
    .argument('[peer]', 'whose mailbox', 'cli')
    .addOption(
      new Option('--filter <filter>', 'unread mail, the newest of all, or what was sent')
        .choices(['unread', 'all', 'sent'])
        .default('unread'),
    )
    .option('--from <peer>', 'only what this peer sent')
    .option('--thread <message id>', 'only the conversation that began with this message')
    .option('--limit <n>', 'at most so many messages, up to 100', wholeNumber('limit', 1, 100), 20)
    .option('--wait <seconds>', 'wait so long for mail, up to 300 s; exit 3 if none came', wholeNumber('wait', 0, 300), 0)
    .option('--absolute', 'show dates and times instead of how long ago')
    .addHelpText(
      'after',
      [
        '\nWithout a peer: what agents have written to you at the shell (they send to',
        '`cli`). That is taken out: it counts as read once it is shown, and so does what',
        "is in a registered script's mailbox. A session's mailbox is only looked into:",
        'its mail stays unread.',
        examples(
          'slm-mesh inbox',
          'slm-mesh inbox --wait 60',
          'slm-mesh inbox --filter all --from brave-otter',
          'slm-mesh inbox brave-otter',
          "slm-mesh inbox --json | jq -r '.messages[].payload'",
        ),
      ].join('\n'),
    )
    .action(handle(inbox))
}

async function inbox(desk: Desk, { filter, from, thread, limit, wait, absolute = false }: Options, peer: string) {
  const mesh = await desk.open()
  const { messages, more } = await mesh.as(peer)('message.inbox', {
    ...{ filter, limit, wait },
    ...(from !== undefined && { from }),
    ...(thread !== undefined && { thread }),
  })
  const time = times(absolute, Date.now())
  desk.answer({ via: mesh.via, mailbox: peer, messages, more }, () =>
    messages.length > 0
      ? messages.map((message) => written(desk.terminal, message, time)).join('\n\n')
      : desk.terminal.isTty
        ? 'No messages.'
        : '',
  )
  if (more) desk.remark(`There are more: ${filter === 'unread' && peer === 'cli' ? 'run it again' : '--limit shows up to 100'}.`)
  if (messages.length > 0) return EXIT_OK
  if (desk.signal.aborted) return EXIT_INTERRUPTED
  return wait > 0 ? EXIT_ABSENT : EXIT_OK
}

const INDENT = '    '

/** The facts on a line of their own; the text below it, indented, so that it cannot pose as another message's facts. */
function written(terminal: Terminal, message: Message, time: Times): string {
  const { from, to, type, priority, state, id, replyTo, payload, createdAt } = message
  const sender = `${paint(terminal, 'bold', safe(from.name))} (${safe(from.agentType)})`
  const facts = [
    `${sender} → ${safe(to.name)}`,
    time.past(createdAt),
    ...(type === 'text' ? [] : [type]),
    priority === 'urgent' ? paint(terminal, 'red', priority) : priority,
    state,
    paint(terminal, 'dim', id),
    ...(replyTo === null ? [] : [paint(terminal, 'dim', `answers ${replyTo}`)]),
  ]
  const columns = terminal.isTty ? terminal.size().columns : Number.POSITIVE_INFINITY
  const room = terminal.isTty ? Math.max(20, terminal.size().columns) - INDENT.length : Number.POSITIVE_INFINITY
  const lines = safeLines(payload)
    .split('\n')
    .flatMap((line) => fold(line, room))
  return [joined(facts, columns), ...lines.map((line) => `${INDENT}${line}`.trimEnd())].join('\n')
}

/** Facts on as few lines as they fit on, none of them broken: an id is there to be copied. Indented less than any text. */
function joined(facts: readonly string[], columns: number): string {
  const lines: string[] = []
  for (const fact of facts) {
    const longer = lines.length === 0 ? fact : `${lines.at(-1)} · ${fact}`
    if (lines.length === 0 || width(stripVTControlCharacters(longer)) > columns)
      lines.push(lines.length === 0 ? fact : `  ${fact}`)
    else lines[lines.length - 1] = longer
  }
  return lines.join('\n')
}
