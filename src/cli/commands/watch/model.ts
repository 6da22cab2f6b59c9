import type { Event } from '../../../core/event.ts'
import type { Lock } from '../../../core/lock.ts'
import type { Message } from '../../../core/message.ts'
import type { Output } from '../../../core/operations.ts'
import type { Peer } from '../../../core/peer.ts'
import { textOf } from '../../../core/words.ts'

/** All that the screen shows, and how what comes from the mesh changes it. Pure. */

/** How the mesh is reached at the moment, and who leads it. */
export type Link =
  | { readonly via: 'nothing'; readonly why: string }
  | { readonly via: 'leader' | 'file'; readonly term: number; readonly leader: Leader | null; readonly last: string | null }

interface Leader {
  readonly id: string
  readonly name: string
  readonly pid: number
  readonly port: number | null
  /** Unix time, ms. */
  readonly electedAt: number
  /** False once it has been asked long enough; the file answers in its place. */
  readonly answers: boolean
}

/** A message as far as it is known: its event tells of it before its text can be read. */
export interface Letter {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly createdAt: string
  readonly read: Pick<Message, 'state' | 'type' | 'priority' | 'payload' | 'replyTo'> | null
}

interface Unread {
  readonly count: number
  /** There are more than were counted. */
  readonly more: boolean
}

type Counts = Pick<Output<'mesh.status'>, 'peers' | 'messages' | 'locks' | 'events' | 'db'>

export interface Model {
  readonly dataDir: string
  readonly link: Link
  /** Why what is shown may be old: the server of the mesh does not answer. */
  readonly outage: string | null
  readonly counts: Counts | null
  /** The leader first among the living, then as they came; those that are away after them. */
  readonly peers: readonly Peer[]
  readonly unread: ReadonlyMap<string, Unread>
  /** What each id is called; also of those that are no longer listed. */
  readonly names: ReadonlyMap<string, string>
  /** The one that ends first, first. */
  readonly locks: readonly Lock[]
  /** Newest first, as are the events. */
  readonly mail: readonly Letter[]
  readonly events: readonly Event[]
}

export type Change =
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'outage'; readonly outage: string | null }
  | { readonly kind: 'counts'; readonly counts: Counts }
  | { readonly kind: 'peers'; readonly peers: readonly Peer[] }
  | { readonly kind: 'locks'; readonly locks: readonly Lock[] }
  | { readonly kind: 'mail'; readonly messages: readonly Message[] }
  | { readonly kind: 'unread'; readonly peerId: string; readonly unread: Unread }
  | { readonly kind: 'event'; readonly event: Event }
  /** The latest events, oldest first, in place of what was known, mail too: after a gap, or in another file. */
  | { readonly kind: 'history'; readonly events: readonly Event[] }

/** Rows of mail and of events that can be scrolled through. */
const KEPT = 500

export const empty = (dataDir: string): Model => ({
  dataDir,
  link: { via: 'nothing', why: 'connecting' },
  outage: null,
  counts: null,
  peers: [],
  unread: new Map(),
  names: new Map(),
  locks: [],
  mail: [],
  events: [],
})

export function apply(model: Model, change: Change): Model {
  switch (change.kind) {
    case 'link': {
      const link = change.link
      return { ...model, link, peers: ordered(model.peers, link) }
    }
    case 'outage':
      return { ...model, outage: change.outage }
    case 'counts':
      return { ...model, counts: change.counts }
    case 'peers':
      return {
        ...model,
        peers: ordered(change.peers, model.link),
        names: named(
          model.names,
          change.peers.map((peer) => [peer.id, peer.name]),
        ),
      }
    case 'locks':
      return {
        ...model,
        locks: [...change.locks].sort((a, b) => compare(a.expiresAt, b.expiresAt) || compare(a.filePath, b.filePath)),
      }
    case 'unread':
      return { ...model, unread: new Map(model.unread).set(change.peerId, change.unread) }
    case 'mail':
      return {
        ...model,
        mail: sorted(model.mail, change.messages.map(letterOf)),
        names: named(
          model.names,
          change.messages.flatMap(({ from, to }) => [[from.id, from.name] as const, [to.id, to.name] as const]),
        ),
      }
    case 'event':
      // After a change of leader the stream may begin with what is known already.
      if (change.event.seq <= (model.events[0]?.seq ?? -1)) return model
      return happened(model, [change.event])
    case 'history':
      return happened({ ...model, events: [], mail: [], unread: new Map() }, change.events)
  }
}

/** Adds events, oldest first, with the mail that they announce. */
function happened(model: Model, events: readonly Event[]): Model {
  const names = named(
    model.names,
    events.flatMap(({ emittedBy, type, payload }) => [
      ...(emittedBy ? [[emittedBy.id, emittedBy.name] as const] : []),
      ...(type.startsWith('peer_') ? [[textOf(payload.id), textOf(payload.name)] as const] : []),
    ]),
  )
  const known = new Set(model.mail.map((letter) => letter.id))
  const announced = events.flatMap(({ type, payload, createdAt }): Letter[] => {
    const id = textOf(payload.messageId)
    if (type !== 'message_received' || known.has(id)) return []
    const who = (reference: string) => names.get(reference) ?? reference
    return [{ id, from: who(textOf(payload.from)), to: who(textOf(payload.to)), createdAt, read: null }]
  })
  return {
    ...model,
    names,
    events: [...[...events].reverse(), ...model.events].slice(0, KEPT),
    mail: announced.length > 0 ? sorted(model.mail, announced) : model.mail,
  }
}

const letterOf = ({ id, from, to, createdAt, state, type, priority, payload, replyTo }: Message): Letter => ({
  ...{ id, from: from.name, to: to.name, createdAt },
  read: { state, type, priority, payload, replyTo },
})

function sorted(mail: readonly Letter[], more: readonly Letter[]): Letter[] {
  const all = new Map([...mail, ...more].map((letter) => [letter.id, letter]))
  return [...all.values()].sort((a, b) => compare(b.createdAt, a.createdAt) || compare(b.id, a.id)).slice(0, KEPT)
}

function ordered(peers: readonly Peer[], link: Link): Peer[] {
  const leader = link.via === 'nothing' ? undefined : link.leader?.id
  const rank = (peer: Peer) => (peer.id === leader ? 0 : peer.status === 'away' ? 2 : 1)
  return [...peers].sort((a, b) => rank(a) - rank(b))
}

function named(names: Model['names'], more: readonly (readonly [string, string])[]): Model['names'] {
  const news = more.filter(([id, name]) => id !== '' && names.get(id) !== name)
  return news.length === 0 ? names : new Map([...names, ...news])
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
