import { Bell } from '../core/bell.ts'
import { Claims } from '../core/claims.ts'
import { systemClock } from '../core/clock.ts'
import { openEngine } from '../core/engine.ts'
import { fail, isFailure, MeshError } from '../core/errors.ts'
import { type Caller, call } from '../core/operations.ts'
import { outsider, reader } from '../core/outsiders.ts'
import type { Place } from '../core/peer.ts'
import { Scope, sleep } from '../core/scope.ts'
import { recoveryText } from '../core/sqlite/recovery.ts'
import type { Storage } from '../core/storage.ts'
import { endDead, ringOnce } from '../peer/from-outside.ts'
import { isGoneSeenFrom } from '../peer/process-identity.ts'
import { placeOf } from '../peer/project.ts'
import type { Mesh, Standing } from './mesh.ts'

/** The mesh without a leader: the file itself, opened for as long as a command takes. */

/** How long a command waits until the dead are ended, who are in nobody's way meanwhile. */
const PATIENCE_MS = 200
/** How often a call that waits looks at the file: it has no doorbell. */
const LOOK_EVERY_MS = 200

export async function throughFile(desk: Standing, why: string): Promise<Omit<Mesh, 'follow'>> {
  const scope = new Scope()
  const bell = new Bell()
  const { store, database, clock, isGone, shared } = await openEngine(desk.config, desk.layout.database, {
    clock: systemClock,
    staleMs: desk.config.staleMs,
    ring: ({ socketPath }) => scope.defer(ringOnce(socketPath)),
    isGone: isGoneSeenFrom,
    onChange: () => bell.ring(),
    evenAlone: true,
  })
  scope.defer(() => database[Symbol.dispose]())
  // Nobody leads, so nobody has said yet that they are gone. Without the right to write, they are shown as they stand.
  // Where somebody keeps the write lock, that goes on by itself: what only looks need not wait for it.
  const ending = endDead(store, isGone).catch((error: unknown) => {
    if (!(error instanceof MeshError)) throw error
  })
  await Promise.race([ending, sleep(PATIENCE_MS)])
  database.onDamage = undefined // the call that met it sees to it
  const { recovery } = database
  const place: Place = placeOf(desk.cwd, store.paths)
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
      const answered = call(
        name,
        {
          ...{ actor: who.actor, store, clock, bell, carrying: new Claims(), spend: () => {} },
          signal: options.signal ?? desk.signal,
          afterAnswer: (run) => void after.push(run),
          defaults: desk.config,
        },
        input,
      )
      const output = await answered.catch((error: unknown) => told(error, database))
      // What is looked at in another's mailbox stays unread.
      if (who.isOwn) for (const run of after) await run(true)
      return output
    }
  return {
    via: 'file',
    row: store.leadership.read,
    why: [why, recovery && recoveryText(recovery)].filter(Boolean).join(' '),
    outage: () => shared?.outage() ?? null,
    client: undefined,
    call: as('cli'),
    as,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

/** A command that meets damage fails, but only once the file has been moved aside: the next one goes on in a new one. */
async function told(error: unknown, database: Storage): Promise<never> {
  if (!isFailure(error, 'corrupt') || error.facts.recurring) throw error
  if (database.isDamaged) await database.reopen(() => {})
  const where = database.recovery?.movedTo
  if (where === undefined) throw error
  const detail = `${error.facts.detail}; it is now ${where}, and a new one is in its place`
  throw fail('corrupt', { ...error.facts, detail }, { cause: error })
}
