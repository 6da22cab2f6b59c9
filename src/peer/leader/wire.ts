import type { Places } from '../../core/doors.ts'
import type { Event } from '../../core/event.ts'
import type { Lock } from '../../core/lock.ts'
import type { Message } from '../../core/message.ts'
import type { Input, OperationName, Output } from '../../core/operations.ts'
import type { Entry } from '../../core/state.ts'

/**
 * The mesh's operations in REST's words, in both directions: routes.ts speaks it, client.ts reads it back. The names are
 * those that clients of the broker-based system know. Pure, and light: a command line loads this at every start.
 */

/** Where REST offers each operation. */
export const places = {
  'peer.list': ['/peers'],
  'peer.describe': ['/summary'],
  'message.send': ['/send'],
  'message.inbox': ['/messages'],
  'state.get': ['/state', 'get'],
  'state.set': ['/state', 'set'],
  'state.list': ['/state', 'list'],
  'state.delete': ['/state', 'delete'],
  'lock.acquire': ['/lock', 'lock'],
  'lock.release': ['/lock', 'unlock'],
  'lock.query': ['/lock', 'query'],
  'event.read': ['/events', 'read'],
  'event.subscribe': ['/events', 'subscribe'],
  'event.unsubscribe': ['/events', 'unsubscribe'],
  'event.emit': ['/events', 'emit'],
  'mesh.status': ['/status'],
} as const satisfies Places

/** The action of a body that states none. */
export const defaultAction: Readonly<Record<string, string>> = { '/events': 'read' }

/** The body's field that says who acts, or whose mailbox is read; `cli` where it is missing. */
export const actorField = (path: string): string => (path === '/send' ? 'fromPeer' : path === '/peers' ? 'excludeId' : 'peerId')

/** Fields that REST calls otherwise than the operation does. */
export const renamed: Partial<Record<OperationName, Readonly<Record<string, string>>>> = {
  'message.send': { toPeer: 'to', payload: 'message' },
}

/** Operations that change nothing: a lost answer may simply be asked for again. */
export const reads: ReadonlySet<OperationName> = new Set<OperationName>([
  'peer.list',
  'state.get',
  'state.list',
  'lock.query',
  'event.read',
  'mesh.status',
])

interface WireMessage extends Message {
  fromPeer: string
  toPeer: string
  delivered: boolean
}
type By<T, K extends keyof T> = Omit<T, K> & { [P in K]: string } & { [P in K as `${P & string}Name`]: string }
type WireLock = By<Lock, 'lockedBy'>
type WireEntry = By<Entry, 'updatedBy'> & { cut?: boolean | undefined }
type WireEvent = Omit<Event, 'emittedBy'> & { emittedBy: string | null; emittedByName: string | null }

const message = (m: Message): WireMessage => ({
  ...m,
  fromPeer: m.from.id,
  toPeer: m.to.id,
  delivered: m.deliveredAt !== null,
})
const lock = ({ lockedBy, ...rest }: Lock): WireLock => ({ ...rest, lockedBy: lockedBy.id, lockedByName: lockedBy.name })
const entry = ({ updatedBy, ...rest }: Entry & { cut?: boolean | undefined }): WireEntry => ({
  ...rest,
  updatedBy: updatedBy.id,
  updatedByName: updatedBy.name,
})
const event = ({ emittedBy, ...rest }: Event): WireEvent => ({
  ...rest,
  emittedBy: emittedBy?.id ?? null,
  emittedByName: emittedBy?.name ?? null,
})

const unlock = ({ lockedBy, lockedByName, ...rest }: WireLock): Lock => ({
  ...rest,
  lockedBy: { id: lockedBy, name: lockedByName },
})
const unentry = ({ updatedBy, updatedByName, ...rest }: WireEntry) => ({
  ...rest,
  updatedBy: { id: updatedBy, name: updatedByName },
})
/** An event as the stream carries it. */
export const eventFromWire = ({ emittedBy, emittedByName, ...rest }: WireEvent): Event => ({
  ...rest,
  emittedBy: emittedBy === null ? null : { id: emittedBy, name: emittedByName ?? emittedBy },
})
export const eventToWire = event

/** What of an operation's answer REST says otherwise. The rest goes as it is. */
const out: { [N in OperationName]?: (output: Output<N>) => object } = {
  'message.inbox': ({ messages, ...rest }) => ({ ...rest, messages: messages.map(message) }),
  'state.get': (o) => ({ entry: entry(o.entry) }),
  'state.set': (o) => ({ entry: entry(o.entry) }),
  'state.delete': (o) => ({ entry: entry(o.entry) }),
  'state.list': ({ entries, ...rest }) => ({ ...rest, entries: entries.map(entry) }),
  'lock.acquire': (o) => locksOut(o),
  'lock.release': (o) => locksOut(o),
  'lock.query': ({ locks }) => ({ locks: locks.map(lock) }),
  'event.read': ({ events, ...rest }) => ({ ...rest, events: events.map(event) }),
  'mesh.status': ({ locks, events, ...rest }) => ({
    ...rest,
    status: 'ok',
    pid: rest.leader?.pid ?? 0,
    port: rest.leader?.port ?? 0,
    locks: { active: locks },
    events: { total: events },
  }),
}

const locksOut = (o: Output<'lock.acquire'>) => ({
  ...o,
  ...(o.lock && { lock: lock(o.lock) }),
  ...(o.locks && { locks: o.locks.map(lock) }),
})

// What comes back over the wire is what `out` made of a typed output; the server is of our own kind, and proven to be.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Wire = any

const back: { [N in OperationName]?: (body: Wire) => Output<N> } = {
  'state.get': (b) => ({ entry: unentry(b.entry) }),
  'state.set': (b) => ({ entry: unentry(b.entry) }),
  'state.delete': (b) => ({ entry: unentry(b.entry) }),
  'state.list': (b) => ({ ...b, entries: b.entries.map(unentry) }),
  'lock.acquire': (b) => locksBack(b),
  'lock.release': (b) => locksBack(b),
  'lock.query': (b) => ({ locks: b.locks.map(unlock) }),
  'event.read': (b) => ({ ...b, events: b.events.map(eventFromWire) }),
  'mesh.status': ({ status: _s, pid: _pid, port: _port, ...b }) => ({ ...b, locks: b.locks.active, events: b.events.total }),
  'message.inbox': (b) => ({
    ...b,
    messages: b.messages.map(({ fromPeer: _f, toPeer: _t, delivered: _d, ...m }: WireMessage) => m),
  }),
}

const locksBack = (b: Wire): Output<'lock.acquire'> => ({
  ...b,
  ...(b.lock && { lock: unlock(b.lock) }),
  ...(b.locks && { locks: b.locks.map(unlock) }),
})

/** An operation's answer in REST's words, without `ok`. */
export function toWire<N extends OperationName>(name: N, output: Output<N>): object {
  return out[name]?.(output) ?? output
}

export function fromWire<N extends OperationName>(name: N, body: Record<string, unknown>): Output<N> {
  const { ok: _ok, ...rest } = body
  return back[name]?.(rest) ?? (rest as Output<N>) // where nothing was renamed
}

/** An operation's input as a body, for a caller that acts as `reference`. */
export function bodyOf<N extends OperationName>(name: N, input: Input<N>, reference: string): Record<string, unknown> {
  const [path, action] = places[name] as readonly [string, string?]
  const names = new Map(Object.entries(renamed[name] ?? {}).map(([rest, own]) => [own, rest]))
  const fields = Object.entries(input).map(([key, value]) => [names.get(key) ?? key, value])
  return { ...Object.fromEntries(fields), ...(action && { action }), [actorField(path)]: reference }
}
