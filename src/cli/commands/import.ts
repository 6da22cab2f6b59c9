import { isUtf8 } from 'node:buffer'
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail, isFailure } from '../../core/errors.ts'
import type { Mailbox } from '../../core/identity.ts'
import type { Brought } from '../../core/messages.ts'
import type { Store } from '../../core/store.ts'
import { type Define, type Desk, examples, misused } from '../command.ts'
import { type Contents, parseLines } from '../export-lines.ts'
import { EXIT_FAILED, EXIT_OK } from '../failures.ts'
import { storeHere } from '../store-here.ts'

/** Brings in what `export` wrote, of a mesh of whatever kind. Twice is like once: every message keeps its id. */

interface Options {
  dryRun?: boolean
  replace?: boolean
}

/** Writes of one tick are one transaction, and on a mesh of several machines one entry of its log, which has its size. */
const MAX_AT_ONCE = 64
const MAX_CHARS_AT_ONCE = 256 * 1024

/** As whom the log says that it was done. */
const SELF = { id: 'cli', name: 'cli' }

export const define: Define = (command, handle) => {
  command
    .argument('<file>', 'what slm-mesh export has written; - reads it from standard input')
    .option('-n, --dry-run', 'only say what would be done')
    .option('--replace', 'values replace others of the same key that are here; else those stay')
    .addHelpText(
      'after',
      [
        '\nMail goes to the mailboxes of the same sessions, which are made where they are',
        'not there yet, and wait for them; it is unread. What is here already is not',
        'brought twice; mail that is older than mail is kept (SLM_MESH_MESSAGE_TTL_H) is',
        'left out.',
        examples('slm-mesh import mesh.jsonl --dry-run', 'SLM_MESH_URL=nats://mesh.example:4222 slm-mesh import mesh.jsonl'),
      ].join('\n'),
    )
    .action(handle(runImport))
}

function textIn(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) throw fail('not_found', { what: 'file', id: path })
  if (stat.isDirectory()) throw misused(`${path} is a directory`)
  const bytes = readFileSync(path)
  if (!isUtf8(bytes)) throw misused(`${path} is not UTF-8 text`)
  return bytes.toString('utf8')
}

async function runImport(desk: Desk, { dryRun = false, replace = false }: Options, file: string): Promise<number> {
  // All of it is understood before anything is changed.
  const contents = parseLines(file === '-' ? await desk.input() : textIn(resolve(desk.cwd, file)))
  const store = await storeHere(desk)
  const how = { isReal: !dryRun, replace, notBefore: Date.now() - desk.config.messageTtlHours * 3_600_000, signal: desk.signal }
  const state = await bringState(store, contents.state, how)
  const mail = await bringMail(store, contents, how)
  const isWhole = state.full + mail.full === 0 && !desk.signal.aborted
  desk.answer({ ok: isWhole, dryRun, state, messages: mail }, () => said(dryRun, state, mail))
  return isWhole ? EXIT_OK : EXIT_FAILED
}

interface How {
  readonly isReal: boolean
  readonly replace: boolean
  readonly notBefore: number
  readonly signal: AbortSignal
}

interface StateCounts {
  created: number
  replaced: number
  /** The same value is here. */
  same: number
  /** Another value is here, and stays. */
  kept: number
  /** There was no room. */
  full: number
}

interface MailCounts {
  brought: number
  /** It is here, read or unread. */
  known: number
  /** It is older than mail is kept. */
  old: number
  full: number
  /** Made for it. */
  mailboxes: number
}

async function bringState(store: Store, entries: Contents['state'], how: How): Promise<StateCounts> {
  const counts: StateCounts = { created: 0, replaced: 0, same: 0, kept: 0, full: 0 }
  await inTurns(
    entries,
    ({ value }) => value.length,
    how.signal,
    async (entry) => {
      counts[await orFull(store.state.bring(SELF, entry, how))]++
    },
  )
  return counts
}

async function bringMail(store: Store, { messages, mailboxes }: Contents, how: How): Promise<MailCounts> {
  const counts = { brought: 0, known: 0, old: 0, full: 0 }
  const made = new Set<string>()
  await inTurns(
    messages,
    ({ payload }) => payload.length,
    how.signal,
    async (message) => {
      const from = mailboxes.get(message.from.id)
      const to = mailboxes.get(message.to.id) ?? unknownMailbox(message)
      const answer = await orFull(store.messages.bring({ message, from, to }, how))
      counts[answer === 'full' ? 'full' : answer.outcome]++
      if (answer !== 'full') for (const id of answer.made) made.add(id)
    },
  )
  return { ...counts, mailboxes: made.size }
}

/** Many at once, in their order; as much as one transaction should hold. */
async function inTurns<T>(
  all: readonly T[],
  sizeOf: (one: T) => number,
  signal: AbortSignal,
  bring: (one: T) => Promise<void>,
): Promise<void> {
  let turn: Promise<void>[] = []
  let chars = 0
  for (const one of all) {
    if (turn.length >= MAX_AT_ONCE || (turn.length > 0 && chars + sizeOf(one) > MAX_CHARS_AT_ONCE)) {
      await Promise.all(turn)
      turn = []
      chars = 0
    }
    if (signal.aborted) break
    turn.push(bring(one))
    chars += sizeOf(one)
  }
  await Promise.all(turn)
}

/** What has no room is counted, and the rest goes on. */
async function orFull<T>(bringing: Promise<T>): Promise<T | 'full'> {
  try {
    return await bringing
  } catch (error) {
    if (isFailure(error, 'full')) return 'full'
    throw error
  }
}

/** Of a recipient the file may say no more than its name. */
const unknownMailbox = ({ to }: Brought): Mailbox => ({
  ...{ id: to.id, name: to.name, kind: 'session', agentType: 'unknown' },
  ...{ named: false, sessionKey: null, projectPath: '' },
})

function said(dryRun: boolean, state: StateCounts, mail: MailCounts): string {
  const some = (n: number, what: string) => (n === 0 ? [] : [`${n} ${what}`])
  const list = (parts: string[]) => (parts.length === 0 ? 'none' : parts.join(', '))
  return [
    ...(dryRun ? ['This is what would be done:'] : []),
    `Values: ${list([
      ...some(state.created, 'new'),
      ...some(state.replaced, 'replaced'),
      ...some(state.same, 'here already'),
      ...some(state.kept, 'left out, as another value is here (--replace)'),
      ...some(state.full, 'left out, as their namespace is full'),
    ])}`,
    `Messages: ${list([
      ...some(
        mail.brought,
        `unread${mail.mailboxes > 0 ? `, with ${mail.mailboxes} mailbox${mail.mailboxes === 1 ? '' : 'es'} made` : ''}`,
      ),
      ...some(mail.known, 'here already'),
      ...some(mail.old, 'left out, as too old'),
      ...some(mail.full, 'left out, as their mailbox is full'),
    ])}`,
  ].join('\n')
}
