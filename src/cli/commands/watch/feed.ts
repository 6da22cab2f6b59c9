import { monotonicMs } from '../../../core/clock.ts'
import type { Event } from '../../../core/event.ts'
import { KNOWN_SENDERS } from '../../../core/outsiders.ts'
import { Scope, sleep } from '../../../core/scope.ts'
import { textOf } from '../../../core/words.ts'
import { isGone } from '../../../peer/process-identity.ts'
import type { Desk } from '../../command.ts'
import { connect } from '../../connect.ts'
import type { Mesh } from '../../mesh.ts'
import { concern, createMailboxes, type Looks, noLooks } from './mailboxes.ts'
import type { Change, Link } from './model.ts'

/**
 * From the mesh to the model: snapshots of what an event says has changed, and the events themselves.
 *
 * One connection serves until something speaks against it: a call or the stream fails, nothing is answered in time, the
 * leader has gone or another was elected, or the file answers although somebody leads. Then it is closed, and the next
 * one goes on after the last event seen. Nothing here decides who leads: connect.ts finds out, each time anew.
 */

/** Everything is looked at again this often, event or not: counts, sizes, who has gone stale, who has read what. */
const LOOK_AGAIN_MS = 5_000
/** Mail is often read soon after it came, and that is no event. */
const AFTER_MAIL_MS = 1_500
/** Several events are one look. */
const COALESCE_MS = 100
/** A look that takes longer hangs. */
const HANGS_MS = 3_000
const RETRY_MS = 1_000
/** A leader publishes its port a moment after its election. */
const SETTLE_MS = 300
const SETTLE_TRIES = 8
const HISTORY = 200

type On = (change: Change) => void

export interface Connection extends AsyncDisposable {
  readonly mesh: Mesh
  readonly signal: AbortSignal
}

/** A way into the mesh that can be closed while it is used. Throws what connect.ts throws. */
export async function openConnection(desk: Desk): Promise<Connection> {
  const scope = new Scope()
  const signal = AbortSignal.any([desk.signal, scope.signal])
  try {
    const mesh = await connect({ ...desk, signal }, false, { steadfast: true })
    scope.defer(() => mesh[Symbol.asyncDispose]())
    return { mesh, signal, [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose]() }
  } catch (error) {
    await scope[Symbol.asyncDispose]()
    throw error
  }
}

/** Tells `on` of all that happens, from `first` on through whatever leads, until the desk's signal is aborted. */
export async function feed(desk: Desk, first: Connection, on: On): Promise<void> {
  let connection: Connection | undefined = first
  let cursor: number | undefined
  let tries = 0
  const advance = (seq: number) => {
    cursor = seq
  }
  while (!desk.signal.aborted) {
    const openedAt = monotonicMs()
    try {
      connection ??= await openConnection(desk)
      const link = linkOf(connection.mesh, tries < SETTLE_TRIES)
      // A leader may be about to serve; and through the file nobody tells us that it has been replaced.
      const isOdd = connection.mesh.via === 'file' && link.leader !== null
      tries = isOdd ? tries + 1 : 0
      const settlesMs = isOdd && tries <= SETTLE_TRIES ? SETTLE_MS : LOOK_AGAIN_MS
      const patienceMs = connection.mesh.via === 'file' ? settlesMs : Number.POSITIVE_INFINITY
      on({ kind: 'link', link })
      await use(connection, { cursor, advance, patienceMs, term: link.term, leaderId: link.leader?.id }, on)
    } catch (error) {
      if (desk.signal.aborted) break
      // What has served for a while may have gone with its leader: the next one is a moment away.
      if (monotonicMs() - openedAt > RETRY_MS) continue
      on({ kind: 'link', link: { via: 'nothing', why: error instanceof Error ? error.message : String(error) } })
      await sleep(RETRY_MS, desk.signal)
    } finally {
      await connection?.[Symbol.asyncDispose]()
      connection = undefined
    }
  }
}

/** Everything once, as it stands. */
export async function snapshot(connection: Connection, on: On): Promise<void> {
  on({ kind: 'link', link: linkOf(connection.mesh, false) })
  await catchUp(connection, undefined, on)
  await everything(connection, on, createMailboxes(connection.mesh, connection.signal))
}

function linkOf({ via, ...mesh }: Mesh, isSettling: boolean) {
  const row = mesh.row()
  const peer = row.peer && !isGone(row.peer.process) ? row.peer : null
  return {
    via,
    term: row.term,
    leader: peer && {
      ...{ id: peer.id, name: peer.name, pid: peer.process.pid, electedAt: peer.electedAt },
      port: row.port,
      answers: via === 'leader' || isSettling,
    },
    last: row.last?.name ?? null,
  } satisfies Link
}

interface Progress {
  readonly cursor: number | undefined
  advance(seq: number): void
  /** How long this connection will do at most. */
  readonly patienceMs: number
  readonly term: number
  readonly leaderId: string | undefined
}

/** Resolves when another connection would be better; throws when this one has failed. */
async function use(connection: Connection, { cursor, advance, patienceMs, term, leaderId }: Progress, on: On): Promise<void> {
  const { mesh, signal } = connection
  const endsAt = monotonicMs() + patienceMs
  const mailboxes = createMailboxes(mesh, signal)
  const due = { peers: false, locks: false, counts: false, looks: noLooks() }
  let wake = () => {}
  let isOver = false
  let mailAt = Number.NEGATIVE_INFINITY

  const start = await within(catchUp(connection, cursor, on))
  advance(start)
  // Elections from here on are events; one before, while this began, is history by now.
  if (mesh.row().term !== term) return
  const following = follow(mesh, start, (event) => {
    if (event === 'reset') {
      isOver = true
      advance(-1)
    } else {
      advance(event.seq)
      on({ kind: 'event', event })
      if (event.type.startsWith('peer_')) due.peers = true
      if (event.type.startsWith('file_')) due.locks = true
      due.counts = true
      if (concern(due.looks, event)) mailAt = monotonicMs()
      isOver ||= event.type === 'leader_elected' || (event.type === 'peer_left' && textOf(event.payload.id) === leaderId)
    }
    wake()
  })
  // Its failure is seen by the races below, or is that of a connection which is over.
  following.catch(() => {})

  let open = await within(everything(connection, on, mailboxes))
  let nextAt = monotonicMs() + LOOK_AGAIN_MS
  while (!isOver && !signal.aborted) {
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    const recheckAt = mailAt + AFTER_MAIL_MS > monotonicMs() ? mailAt + AFTER_MAIL_MS : Number.POSITIVE_INFINITY
    const waitMs = Math.max(0, Math.min(nextAt, recheckAt, endsAt) - monotonicMs())
    if (!due.counts) await Promise.race([woken, sleep(waitMs, signal), following])
    await sleep(COALESCE_MS, signal)
    if (signal.aborted || monotonicMs() >= endsAt) return
    if (monotonicMs() >= nextAt) {
      open = await within(everything(connection, on, mailboxes, open))
      nextAt = monotonicMs() + LOOK_AGAIN_MS
      continue
    }
    const { peers, locks, counts } = due
    const looks: Looks = {
      senders: new Set([...due.looks.senders, ...open.senders]),
      recipients: new Set([...due.looks.recipients, ...open.recipients]),
    }
    Object.assign(due, { peers: false, locks: false, counts: false, looks: noLooks() })
    await within(
      (async () => {
        if (peers) on({ kind: 'peers', peers: (await mesh.call('peer.list', {}, { signal })).peers })
        if (locks) on({ kind: 'locks', locks: (await mesh.call('lock.query', {}, { signal })).locks })
        open = await mailboxes.look(looks, on)
        if (counts) on({ kind: 'counts', counts: await mesh.call('mesh.status', {}, { signal }) })
        on({ kind: 'outage', outage: mesh.outage() })
      })(),
    )
  }
}

async function follow(mesh: Mesh, since: number, on: (event: Event | 'reset') => void): Promise<void> {
  for await (const item of mesh.follow([], since)) on('reset' in item ? 'reset' : item)
  throw new Error('the events have ended')
}

/** The latest events, unless they can be gone on with after `cursor`. Returns the seq to go on after. */
async function catchUp({ mesh, signal }: Connection, cursor: number | undefined, on: On): Promise<number> {
  const latest = await mesh.call('event.read', { limit: HISTORY }, { signal })
  // A cursor beyond the end is one of a file that has been replaced.
  if (cursor !== undefined && cursor >= 0 && cursor <= latest.cursor) return cursor
  on({ kind: 'history', events: latest.events })
  return latest.cursor
}

/** All snapshots. Without `open`, everybody's mailboxes. */
async function everything(
  { mesh, signal }: Connection,
  on: On,
  mailboxes: ReturnType<typeof createMailboxes>,
  open?: Looks,
): Promise<Looks> {
  const { peers } = await mesh.call('peer.list', {}, { signal })
  on({ kind: 'peers', peers })
  on({ kind: 'locks', locks: (await mesh.call('lock.query', {}, { signal })).locks })
  on({ kind: 'counts', counts: await mesh.call('mesh.status', {}, { signal }) })
  on({ kind: 'outage', outage: mesh.outage() })
  const ids = peers.map((peer) => peer.id)
  return mailboxes.look(open ?? { senders: new Set([...ids, ...KNOWN_SENDERS]), recipients: new Set(ids) }, on)
}

/** What hangs has failed. */
async function within<T>(looking: Promise<T>): Promise<T> {
  const timer = new Scope()
  try {
    return await Promise.race([
      looking,
      sleep(HANGS_MS, timer.signal).then((): never => {
        throw new Error('no answer')
      }),
    ])
  } finally {
    await timer[Symbol.asyncDispose]()
  }
}
