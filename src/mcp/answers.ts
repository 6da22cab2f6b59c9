import { randomBytes } from 'node:crypto'
import type { Code, Facts, MeshError } from '../core/errors.ts'
import type { Event } from '../core/event.ts'
import type { Lock } from '../core/lock.ts'
import type { Message } from '../core/message.ts'
import type { OperationName, Output } from '../core/operations.ts'
import type { Peer } from '../core/peer.ts'
import { ago, escaped, span } from '../core/visible.ts'

/**
 * What a model reads: compact text beside the structured content. Text that came from another agent is data, and
 * stands quoted as a JSON string inside markers that it cannot guess, so that it cannot pose as anything else (G8).
 */

export function answerText<N extends OperationName>(operation: N, output: Output<N>, now: number): string {
  return writers[operation](output, now)
}

type Writers = { [N in OperationName]: (output: Output<N>, now: number) => string }

const writers: Writers = {
  'peer.list': ({ peers, self }, now) =>
    [
      `You are ${peerLine(self, now)}`,
      peers.length === 0 ? 'Nobody else is here.' : `${peers.length} other peer${s(peers.length)}:`,
      ...peers.map((peer) => `- ${peerLine(peer, now)}`),
    ].join('\n'),
  'peer.describe': () => 'The others see your summary now.',

  'message.send': ({ recipients }) =>
    recipients.length === 0
      ? 'Nobody else is here: nothing was sent.'
      : recipients
          .map((r) => `${r.state} for ${r.name}${r.away ? ', who is away: it waits in the mailbox' : ''} (${r.messageId})`)
          .join('\n'),
  'message.inbox': ({ messages, more, note }, now) => {
    if (messages.length === 0) return 'No messages.'
    const marker = randomBytes(6).toString('hex')
    return [
      `${messages.length} message${s(messages.length)}${more ? ', more are waiting: call again' : ''}.${note ? ` ${note}` : ''}`,
      ...messages.map((message) => letterText(message, marker, now)),
    ].join('\n')
  },

  'state.get': ({ entry }, now) =>
    `${quoted(entry.key)} in ${quoted(entry.namespace)}, version ${entry.version}, by ${entry.updatedBy.name} ${ago(entry.updatedAt, now)}:\n${quoted(entry.value)}`,
  'state.set': ({ entry }) => `${quoted(entry.key)} in ${quoted(entry.namespace)} is at version ${entry.version}.`,
  'state.list': ({ entries, more }, now) =>
    entries.length === 0
      ? 'No entries.'
      : entries
          .map(
            (e) =>
              `${quoted(e.key)} v${e.version} by ${e.updatedBy.name} ${ago(e.updatedAt, now)}: ${quoted(e.value)}${e.cut ? '… (get shows all)' : ''}`,
          )
          .join('\n') + (more ? '\nMore match: use a longer prefix.' : ''),
  'state.delete': ({ entry }) =>
    `${quoted(entry.key)} in ${quoted(entry.namespace)} is deleted; it was at version ${entry.version}.`,

  'lock.acquire': ({ lock, locks, warnings }, now) =>
    [
      ...(lock ? [lock] : (locks ?? [])).map(
        (l) => `Locked ${quoted(l.filePath)} for you ${until(l.expiresAt, now)}, token ${l.token}.`,
      ),
      ...(warnings ?? []).map((warning) => `Warning: ${escaped(warning)}`),
    ].join('\n'),
  'lock.release': ({ lock, locks }) => (lock ? [lock] : (locks ?? [])).map((l) => `Unlocked ${quoted(l.filePath)}.`).join('\n'),
  'lock.query': ({ locks }, now) => (locks.length === 0 ? 'Not locked.' : locks.map((lock) => lockLine(lock, now)).join('\n')),

  'event.read': ({ events, more, cursor }, now) =>
    [
      ...(events.length === 0 ? ['No events.'] : events.map((event) => eventLine(event, now))),
      `Cursor ${cursor}${more ? '; there are more' : ''}.`,
    ].join('\n'),
  'event.subscribe': ({ subscribed }) => `Subscribed to ${subscribed.join(', ')}.`,
  'event.unsubscribe': ({ subscribed }) =>
    subscribed.length === 0 ? 'Subscribed to nothing.' : `Still subscribed to ${subscribed.join(', ')}.`,
  'event.emit': ({ seq }) => `Emitted as event ${seq}.`,

  'mesh.status': ({ self, leader, peers, messages, locks, events, db, version, uptime }, now) =>
    [
      `You are ${peerLine(self, now)}; ${self.unread} unread${self.subscribed.length > 0 ? `; subscribed to ${self.subscribed.join(', ')}` : ''}.`,
      leader
        ? `Leader: ${leader.name} (pid ${leader.pid}, term ${leader.term}, port ${leader.port ?? 'none yet'}), since ${ago(leader.since, now)}.`
        : 'Nobody leads at the moment.',
      `Peers: ${peers.active} active, ${peers.stale} stale, ${peers.away} away. Messages: ${messages.total}, ${messages.unread} unread, ${messages.undelivered} not told of. Locks: ${locks}. Events: ${events}.`,
      `slm-mesh ${version}, up ${uptime} s, ${Math.round((db.sizeBytes + db.walSizeBytes) / 1024)} KiB stored.`,
    ].join('\n'),
}

/** One message, framed by markers that its text cannot guess. */
export function letterText(message: Message, marker: string, now: number): string {
  const facts = [
    `from ${message.from.name} (${word(message.from.agentType)})`,
    `to ${message.to.name}`,
    message.id,
    message.type,
    ...(message.priority === 'normal' ? [] : [message.priority]),
    ago(message.createdAt, now),
    message.state,
    ...(message.replyTo ? [`replies to ${message.replyTo}`] : []),
  ]
  return `<<peer-message ${marker} ${facts.join(', ')}>>\n${quoted(message.payload)}\n<<end ${marker}>>`
}

function peerLine(peer: Peer, now: number): string {
  const where = quoted(peer.projectPath) + (peer.gitBranch ? ` on ${quoted(peer.gitBranch)}` : '')
  const summary = peer.summary === '' ? '' : ` — ${quoted(peer.summary)}`
  const seen = peer.status === 'active' ? '' : `, last seen ${ago(peer.lastHeartbeat, now)}`
  const host = peer.host === undefined ? '' : `, on ${quoted(peer.host)}`
  return `${peer.name} (${word(peer.agentType)}, ${peer.status}${seen}, ${peer.id}${host}) in ${where}${summary}`
}

const lockLine = (lock: Lock, now: number) =>
  `${quoted(lock.filePath)} is locked by ${lock.lockedBy.name}${lock.host === undefined ? '' : ` on ${quoted(lock.host)}`} ${until(lock.expiresAt, now)}${lock.reason && `: ${quoted(lock.reason)}`} (token ${lock.token})`

const eventLine = (event: Event, now: number) =>
  `${event.seq} ${event.type}${event.emittedBy ? ` by ${event.emittedBy.name}` : ''} ${ago(event.createdAt, now)} ${escaped(JSON.stringify(event.payload))}`

/** What to do about each failure; the sentence before it says what happened. */
const advice: { [C in Code]: (facts: Facts[C]) => string } = {
  invalid: () => 'Correct the call and try again.',
  too_large: () => 'Put the text into a file and send its path, or send it in parts.',
  unknown_peer: () => 'mesh_peers lists everybody.',
  ambiguous_peer: () => 'Use the name, or more of the id.',
  not_found: () => 'mesh_inbox filter=all lists messages, mesh_state action=list lists entries.',
  locked: ({ conflicts }) =>
    `Do not edit it now. Ask ${conflicts[0]?.holder.name ?? 'the holder'} with mesh_send, wait in line with wait=60, or do something else first.`,
  not_holder: () => 'Only the holder can unlock. mesh_lock action=query shows who that is.',
  impersonation: () => 'Act as yourself.',
  version_conflict: () => 'Read it again, merge, and set with the new version as ifVersion.',
  full: () => 'Try again later, or tell your user.',
  rate_limited: ({ retryAfterMs }) => `Slow down; try again in ${Math.ceil(retryAfterMs / 1000)} s.`,
  unknown_outcome: () => 'Look whether it happened before you try again.',
  cancelled: () => 'Nothing was changed.',
  closed: () => 'Restart the MCP server.',
  not_leader: () => 'Try again.',
  busy: () => 'Try again; if it stays so, one process is suspended while writing: tell your user.',
  disk_full: () => 'Tell your user to free some space; then try again.',
  read_only: () => 'Tell your user to give this account write permission there (directory 0700, files 0600).',
  corrupt: ({ recurring }) =>
    recurring
      ? 'Tell your user that the disk is the likely cause; SLM_MESH_DATA_DIR can name a directory on another one.'
      : 'What you asked for may not be stored. The mesh moves the damaged file aside and goes on in a new one: look, and try again in a few seconds.',
  storage: () => 'Tell your user; SLM_MESH_DATA_DIR can name another directory on a local disk.',
  library_unfit: () => 'Tell your user; slm-mesh doctor says what to do.',
  unsafe: ({ path }) => `Tell your user to make ${path} a plain directory or file of their own that only they can write to.`,
  schema_newer: () => 'Tell your user to restart this agent with the newer slm-mesh.',
  unreachable: () => 'Reading still works, and what you hold stays yours for a while; try again in a minute.',
  access_denied: () => 'Tell your user that the credentials or permissions on the NATS server do not suffice.',
  server_unfit: () => 'Tell your user; only whoever runs that server can change it.',
  setting: () => 'Tell your user to correct that variable in the MCP configuration.',
  internal: () => 'Try again; if it happens again, tell your user to report it with the log.',
}

export function errorText<C extends Code>(error: MeshError<C>): string {
  return `${escaped(error.message)}. ${advice[error.code](error.facts)}`
}

/** Text of others as a JSON string: whatever it says, it stays inside its quotes and on its line. */
export const quoted = (text: string) => escaped(JSON.stringify(text))

/** What is no more than a word stands as it is. */
const word = (text: string) => (/^[a-z0-9-]{1,32}$/.test(text) ? text : quoted(text))

const s = (count: number) => (count === 1 ? '' : 's')

/** `1 message`, `2 messages`. */
export const plural = (count: number, noun: string) => `${count} ${noun}${s(count)}`

function until(time: string, now: number): string {
  return `until ${time.slice(11, 19)} UTC (${span(Date.parse(time) - now)})`
}
