import { type Command, Option } from 'commander'
import { type Desk, misused } from './command.ts'
import { EXIT_ABSENT, EXIT_OK } from './failures.ts'
import { safe } from './terminal.ts'

/** A message as it is written at a shell: what `send` and `broadcast` share. */

export interface LetterOptions {
  type: 'text' | 'json' | 'command' | 'alert'
  priority: 'normal' | 'urgent' | 'low'
  replyTo?: string
  from?: string
}

export const letterOptions = (command: Command) =>
  command
    .addOption(
      new Option('--type <type>', 'what kind of message it is').choices(['text', 'json', 'command', 'alert']).default('text'),
    )
    .addOption(
      new Option('--priority <priority>', 'how soon it should be read').choices(['normal', 'urgent', 'low']).default('normal'),
    )
    .option('--reply-to <message id>', 'the message that this answers')
    .option('--from <script>', 'send as this registered script instead of as `cli`')

/** Sends it, and says for each recipient what became of it. Exit 3 where there was nobody. */
export async function post(desk: Desk, to: string, given: string, { type, priority, replyTo, from }: LetterOptions) {
  const message = given === '-' ? (await desk.input()).replace(/\r?\n$/, '') : given
  if (message === '') throw misused('the message is empty')
  const mesh = await desk.open()
  const send = from === undefined ? mesh.call : mesh.as(from)
  const sent = await send('message.send', { to, message, type, priority, ...(replyTo !== undefined && { replyTo }) })
  desk.answer({ via: mesh.via, ...sent }, () =>
    sent.recipients
      .map(
        ({ state, name, away, messageId }) =>
          `${state} for ${safe(name)}${away ? ', who is away: it waits in the mailbox' : ''} (${messageId})`,
      )
      .join('\n'),
  )
  if (sent.recipients.length > 0) return EXIT_OK
  desk.remark('Nobody is here: nothing was sent.')
  return EXIT_ABSENT
}
