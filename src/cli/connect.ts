import { existsSync, readFileSync } from 'node:fs'
import { Bell } from '../core/bell.ts'
import { systemClock } from '../core/clock.ts'
import { Connection } from '../core/connection.ts'
import { fail, isFailure, MeshError } from '../core/errors.ts'
import type { Event } from '../core/events.ts'
import { type Leadership, readLeadership } from '../core/leadership.ts'
import type { Caller, OperationName } from '../core/operations.ts'
import { openDataDir } from '../core/paths.ts'
import type { Place } from '../core/peers.ts'
import { Scope, sleep } from '../core/scope.ts'
import { connectLeader, type LeaderClient } from '../peer/leader/client.ts'
import { reads } from '../peer/leader/wire.ts'
import { isGone } from '../peer/process-identity.ts'
import type { Desk } from './command.ts'

/**
 * The way from a shell into the mesh: through the leader, over HTTP; where nobody leads, or the leader does not answer,
 * through the file itself, which is the truth anyway.
 */

/** A leader that takes longer to prove itself hangs; the file answers then. */
const PROOF_MS = 700
/** How long a command waits until the dead are ended, who are in nobody's way meanwhile. */
const PATIENCE_MS = 200
/** How often a follower of events without a leader looks at the file. */
const LOOK_EVERY_MS = 200

export interface Mesh extends AsyncDisposable {
  readonly via: 'leader' | 'file'
  /** Who leads, where somebody does and answers. */
  readonly leader: (NonNullable<Leadership['peer']> & { readonly term: number; readonly port: number }) | null
  /** The row as it stands, whether or not its leader lives. */
  readonly row: Leadership
  /** Why this goes through the file, in a sentence; null where a leader answers. */
  readonly why: string | null
  /** Calls as `cli`. Throws `MeshError`. */
  readonly call: Caller
  /** Calls as a registered script; or looks into a session's mailbox (`message.inbox`), without taking anything out. */
  as(reference: string): Caller
  /**
   * Events as they happen, after `since` (a seq) or from now on, through whatever leads at the moment. `reset`: what came
   * between the cursor and that seq is no longer stored.
   */
  follow(types: readonly string[], since: number | undefined): AsyncIterable<Event | { reset: number }>
  /** The leader's other routes. Undefined where nobody leads. */
  readonly client: LeaderClient | undefined
}

type Desks = Pick<Desk, 'config' | 'layout' | 'cwd' | 'signal'>

/** Throws `not_found` where there is no mesh and none may be made, and what opening it throws. */
export async function connect(desk: Desks, create: boolean): Promise<Mesh> {
  if (!create && !existsSync(desk.layout.database)) throw fail('not_found', { what: 'mesh yet in', id: desk.layout.dataDir })
  openDataDir(desk.config.dataDir)
  const found = await findLeader(desk)
  return found.client ? throughLeader(desk, found.row, found.client) : throughFile(desk, found.row, found.why)
}

type Found = { row: Leadership; client: LeaderClient; why: null } | { row: Leadership; client: undefined; why: string }

/** The leader that the database names, once it has proven that it is that leader. */
export async function findLeader(desk: Pick<Desk, 'config' | 'layout'>): Promise<Found> {
  const row = leaderRow(desk.layout.database)
  const { peer, port, term, last } = row
  if (!peer || isGone(peer.process))
    return { row, client: undefined, why: `Nobody leads${last ? `; ${last.name} led last` : ''}.` }
  const token = port === null ? undefined : readToken(desk.layout.token)
  const client =
    port !== null && token !== undefined
      ? await connectLeader({ port, term, pid: peer.process.pid, token, host: desk.config.host }, PROOF_MS)
      : undefined
  if (client) return { row, client, why: null }
  const now = leaderRow(desk.layout.database)
  // Another was elected while we looked.
  if (now.term !== term || now.port !== port) return findLeader(desk)
  return { row, client: undefined, why: `The leader, ${peer.name} (pid ${peer.process.pid}), does not answer.` }
}

const NOBODY: Leadership = { term: 0, peer: null, port: null, tokenHash: null, last: null }

/** A look at the leader's row alone: without the operations and all that they load. */
function leaderRow(database: string): Leadership {
  if (!existsSync(database)) return NOBODY
  const connection = new Connection(database)
  try {
    return readLeadership(connection)
  } catch {
    return NOBODY // no schema yet, or damaged: opening it for real says what is wrong
  } finally {
    connection.close()
  }
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

function throughLeader(desk: Desks, row: Leadership, first: LeaderClient): Mesh {
  let client = first
  /** Whoever leads now. False where nobody does. */
  async function reconnect(): Promise<boolean> {
    const again = await findLeader(desk)
    if (!again.client) return false
    client.close()
    client = again.client
    return true
  }
  const as =
    (reference: string): Caller =>
    async (name, input, options = {}) => {
      if (!client.isOpen && !(await reconnect())) throw fail('not_leader', { term: row.term })
      const ask = () => client.as(reference)(name, located(desk, name, input), { signal: options.signal ?? desk.signal })
      try {
        return await ask()
      } catch (error) {
        if (!isFailure(error, 'unknown_outcome') || !reads.has(name)) throw error
        // What changes nothing is simply asked again.
        if (!(await reconnect())) throw error
        return ask()
      }
    }
  return {
    via: 'leader',
    leader: row.peer && { ...row.peer, term: row.term, port: row.port ?? 0 },
    row,
    why: null,
    get client() {
      return client
    },
    call: as('cli'),
    as,
    follow: (types, since) => follow(desk, as('cli'), types, since),
    async [Symbol.asyncDispose]() {
      client.close()
    },
  }
}

/** Paths mean what they mean in this shell's directory, and scopes are its own. */
function located<N extends OperationName, I>(desk: Desks, name: N, input: I): I {
  return name === 'peer.list' || name.startsWith('lock.') ? { ...input, projectPath: desk.cwd } : input
}

async function throughFile(desk: Desks, row: Leadership, why: string): Promise<Mesh> {
  // Loaded only here: with a leader, none of it is needed.
  const [{ openStore }, { call }, { outsider, reader }, { placeOf }, { endDead, ringOnce }] = await Promise.all([
    import('../core/store.ts'),
    import('../core/operations.ts'),
    import('../core/outsiders.ts'),
    import('../peer/project.ts'),
    import('../peer/from-outside.ts'),
  ])
  const scope = new Scope()
  const { store, database } = await openStore(desk.layout.database, {
    clock: systemClock,
    staleMs: desk.config.staleMs,
    ring: ({ socketPath }) => scope.defer(ringOnce(socketPath)),
    isGone,
  })
  scope.defer(() => database[Symbol.dispose]())
  // Nobody leads, so nobody has said yet that they are gone. Without the right to write, they are shown as they stand.
  // Where somebody keeps the write lock, that goes on by itself: what only looks need not wait for it.
  const ending = endDead(store, isGone).catch((error: unknown) => {
    if (!(error instanceof MeshError)) throw error
  })
  await Promise.race([ending, sleep(PATIENCE_MS)])
  const place: Place = placeOf(desk.cwd)
  const bell = new Bell()
  // Without a doorbell: while a call waits, the file is looked at.
  let version = database.dataVersion()
  scope.every(
    LOOK_EVERY_MS,
    () => {
      const now = database.dataVersion()
      if (now !== version) bell.ring()
      version = now
    },
    () => {},
  )
  const as =
    (reference: string): Caller =>
    async (name, input, options = {}) => {
      const who =
        name === 'message.inbox'
          ? await reader(store, reference, place)
          : { actor: await outsider(store, reference, place), isOwn: true }
      const after: ((left: boolean) => Promise<void>)[] = []
      const output = await call(
        name,
        {
          ...{ actor: who.actor, store, clock: systemClock, bell, carrying: new Set<string>(), spend: () => {} },
          signal: options.signal ?? desk.signal,
          afterAnswer: (run) => void after.push(run),
          defaults: desk.config,
        },
        input,
      )
      // What is looked at in another's mailbox stays unread.
      if (who.isOwn) for (const run of after) await run(true)
      return output
    }
  return {
    via: 'file',
    leader: null,
    row,
    why,
    client: undefined,
    call: as('cli'),
    as,
    follow: (types, since) => follow(desk, as('cli'), types, since),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

/** From one leader to the next, and through the file in between; each event once. */
async function* follow(
  desk: Desks,
  call: Caller,
  types: readonly string[],
  since: number | undefined,
): AsyncIterable<Event | { reset: number }> {
  // From now on means from this moment, also where the first connection ends before it has brought anything.
  let cursor = since ?? (await call('event.read', { limit: 1 })).cursor
  while (!desk.signal.aborted) {
    const found = await findLeader(desk)
    try {
      for await (const event of found.client
        ? found.client.stream({ types, after: cursor, signal: desk.signal })
        : fromFile(desk, types, cursor)) {
        cursor = 'reset' in event ? event.reset - 1 : event.seq
        yield event
      }
    } catch (error) {
      // The connection went with its leader, or the reader has gone; the next round sees.
      if (!desk.signal.aborted && error instanceof MeshError && !isFailure(error, 'not_leader')) throw error
    } finally {
      found.client?.close()
    }
    await sleep(LOOK_EVERY_MS / 4, desk.signal, true)
  }
}

/** Events from the file, until somebody leads. */
async function* fromFile(desk: Desks, types: readonly string[], since: number): AsyncIterable<Event> {
  await using mesh = await throughFile(desk, NOBODY, '')
  let cursor = since
  for (;;) {
    const wanted = types.length > 0 ? { types: [...types] } : {}
    const { events } = await mesh.call('event.read', { ...wanted, since: cursor, limit: 200 })
    for (const event of events) {
      cursor = event.seq
      yield event
    }
    if (desk.signal.aborted) return
    await sleep(LOOK_EVERY_MS, desk.signal, true)
    const { peer, port } = leaderRow(desk.layout.database)
    if (peer && port !== null && !isGone(peer.process)) return
  }
}
