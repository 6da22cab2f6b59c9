import type { Event } from '../core/event.ts'

/**
 * What happened, as a sentence for people. Names and texts of others stand in it as they are: whoever shows it makes it
 * safe. Pure.
 */

/** The name of a peer, by its id. */
type NameOf = (id: string) => string
type Payload = Readonly<Record<string, unknown>>
type Write = (payload: Payload, by: string, nameOf: NameOf) => string | undefined

export function sentence(event: Event, nameOf: NameOf): string {
  const by = event.emittedBy?.name ?? 'the mesh'
  // A newer program may have changed what its events say; then they are shown as they are.
  return writers[event.type]?.(event.payload, by, nameOf) ?? `${by} emitted ${JSON.stringify(event.payload)}`
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const held = (payload: Payload): string => {
  const { holder } = payload
  return typeof holder === 'object' && holder !== null && 'name' in holder ? text(holder.name) : ''
}

const LEFT: Readonly<Record<string, string>> = { left: 'left', crashed: 'crashed', expired: 'was silent for too long' }

const ELECTED: Readonly<Record<string, string>> = {
  vacant: 'nobody led',
  dead: 'the leader before is gone',
  hung: 'the leader before hung',
}

const FREED: Readonly<Record<string, (path: string, holder: string) => string>> = {
  released: (path, holder) => `${holder} unlocked ${path}`,
  expired: (path, holder) => `the lock of ${holder} on ${path} ran out`,
  left: (path, holder) => `${path} is unlocked: ${holder} left`,
  crashed: (path, holder) => `${path} is unlocked: ${holder} crashed`,
  forced: (path, holder) => `a person took ${path} away from ${holder}`,
}

const CHANGED: Readonly<Record<string, string>> = { add: 'appeared', unlink: 'was deleted' }

const SAVED = ['peers', 'messages', 'state', 'locks'] as const

/** `2 peers, 10 messages, 4 state, 0 locks`. */
function savedWords(saved: unknown): string {
  const counts = new Map(typeof saved === 'object' && saved !== null ? Object.entries(saved) : [])
  return SAVED.map((what) => `${Number(counts.get(what) ?? 0)} ${what}`).join(', ')
}

const writers: Readonly<Record<string, Write>> = {
  peer_joined: ({ returned, agentType, projectPath, gitBranch }, by) =>
    `${by} (${text(agentType)}) ${returned === true ? 'came back' : 'joined'} in ${text(projectPath)}${text(gitBranch) && ` on ${text(gitBranch)}`}`,

  peer_left: ({ name, reason }) => LEFT[text(reason)] && `${text(name)} ${LEFT[text(reason)]}`,

  peer_updated: ({ name, summary, projectPath, gitBranch }) => {
    if (typeof summary === 'string') return `${text(name)} ${summary === '' ? 'took its summary back' : `works on: ${summary}`}`
    return text(projectPath) && `${text(name)} is now in ${text(projectPath)}${text(gitBranch) && ` on ${text(gitBranch)}`}`
  },

  message_received: ({ messageId, to }, by, nameOf) => `${by} wrote to ${nameOf(text(to))} (${text(messageId)})`,

  state_changed: ({ namespace, key, change }, by) =>
    `${by} ${text(change)} ${text(key)}${namespace === 'default' ? '' : ` in ${text(namespace)}`}`,

  file_locked: ({ filePath, reason }, by) => `${by} locked ${text(filePath)}${text(reason) && `: ${text(reason)}`}`,

  file_unlocked: (payload) => FREED[text(payload.reason)]?.(text(payload.filePath), held(payload)),

  file_changed: (payload) => {
    const path = text(payload.filePath)
    const what = CHANGED[text(payload.change)] ?? 'changed'
    const { files, byHolder } = payload
    const did = byHolder === true ? ', by' : byHolder === false ? ', but not by' : ' in the hands of'
    return (
      path &&
      `${typeof files === 'number' ? `${files} files below ${path} changed` : `${path} ${what}`}${held(payload) && `${did} ${held(payload)}`}`
    )
  },

  database_recovered: ({ movedTo, damage, saved }) =>
    text(movedTo) &&
    `the database was damaged (${text(damage)}) and moved aside to ${text(movedTo)}; a new one began with ${savedWords(saved)}`,

  leader_elected: ({ term, because }, by) =>
    `${by} leads in term ${term}${ELECTED[text(because)] === undefined ? '' : `: ${ELECTED[text(because)]}`}`,
}
