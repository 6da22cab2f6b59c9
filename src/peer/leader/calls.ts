import type { ServerResponse } from 'node:http'
import { isAbsolute } from 'node:path'
import type { Bell } from '../../core/bell.ts'
import { Claims } from '../../core/claims.ts'
import type { Clock } from '../../core/clock.ts'
import type { Door } from '../../core/doors.ts'
import { fail, isFailure } from '../../core/errors.ts'
import { createBudget, line } from '../../core/limits.ts'
import type { Actor, Context } from '../../core/operation.ts'
import { call, type OperationName, type Output, parse } from '../../core/operations.ts'
import { NOWHERE, outsider, reader } from '../../core/outsiders.ts'
import type { PathScheme } from '../../core/path-scheme.ts'
import type { Place } from '../../core/peer.ts'
import * as z from '../../core/schema.ts'
import type { Store } from '../../core/store.ts'
import { placeOf } from '../project.ts'
import type { Scripts } from './scripts.ts'
import { actorField, defaultAction, renamed, toWire } from './wire.ts'

/** A request for one of the mesh's operations, from its body to its answer: who acts, what it means, what it carries. */

const RATE_WINDOW_MS = 10_000
/** Budgets are remembered for this many callers; past that, all begin anew. */
const MAX_BUDGETS = 1_024

const path = line(4096).check(z.refine(isAbsolute, 'must be absolute'))
/** Beside the operation's own fields: where a caller without a directory of its own stands. */
export const placeFields: Readonly<Record<string, z.ZodMiniObject>> = {
  '/lock': z.object({ projectPath: z.optional(path) }),
  '/peers': z.object({ projectPath: z.optional(path), gitRoot: z.optional(path), away: z.optional(z.boolean()) }),
}

interface CallsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly bell: Bell
  readonly scripts: Pick<Scripts, 'beat'>
  readonly defaults: Context['defaults']
  /** Writes that one caller may make in 10 s; 0: any number. */
  readonly rate: number
  readonly onError: (error: unknown) => void
}

export function createCalls({ store, clock, bell, scripts, defaults, rate, onError }: CallsOptions) {
  const budgets = new Map<string, ReturnType<typeof createBudget>>()
  /** What a caller's earlier answers carried is settled before its next one begins. */
  const settling = new Map<string, Promise<void>>()
  const carrying = new Claims()

  function budgetOf(id: string) {
    let budget = budgets.get(id)
    if (!budget) {
      if (budgets.size >= MAX_BUDGETS) budgets.clear()
      budget = createBudget(rate, RATE_WINDOW_MS, () => clock.uptime())
      budgets.set(id, budget)
    }
    return budget
  }

  /** Runs once the response is out, or never will be. */
  function afterwards(response: ServerResponse, actorId: string, run: (left: boolean) => Promise<void>): void {
    const settled = new Promise<void>((resolve) => {
      response.once('finish', () => resolve(run(true)))
      response.once('close', () => resolve(response.writableFinished ? undefined : run(false)))
    }).catch(onError)
    const all = Promise.all([settling.get(actorId), settled]).then(() => {
      if (settling.get(actorId) === all) settling.delete(actorId)
    })
    settling.set(actorId, all)
  }

  return {
    /** Counts one write of `id`. Throws `rate_limited`. */
    spend: (id: string) => budgetOf(id).spend(),

    /** The answer in REST's words. Throws `MeshError`. */
    async answer(
      door: Door,
      body: Record<string, unknown>,
      on: { signal: AbortSignal; response: ServerResponse },
    ): Promise<object> {
      const { [actorField(door.name)]: named = 'cli', action = defaultAction[door.name], ...rest } = body
      const operation = door.choose(action)
      if (typeof named !== 'string')
        throw fail('invalid', { operation, issues: [`${actorField(door.name)}: must be the name or id of a peer`] })
      const { place, fields } = placeIn(store.paths, door.name, operation, rest)
      // What is bad is told before anybody is looked up.
      parse(operation, fields)
      const { actor, isOwn } = await whoActs(operation, named, place)
      // Who does not say where it stands sees everybody, as it did with the broker.
      if (operation === 'peer.list' && actor.projectPath === '' && !place) fields.scope = 'mesh'
      await settling.get(actor.id)
      await scripts.beat(actor.id)
      const after: ((left: boolean) => Promise<void>)[] = []
      const context: Context = {
        ...{ actor, store, clock, bell, defaults, signal: on.signal },
        spend: () => budgetOf(actor.id).spend(),
        // What is looked at in another's mailbox stays unread, and is carried for nobody.
        carrying: isOwn ? carrying : new Claims(),
        afterAnswer: (run) => void (isOwn && after.push(run)),
      }
      try {
        const output = await call(operation, context, fields)
        return shown(operation, output, rest)
      } catch (error) {
        // As clients expect: an entry that is not there is an empty answer.
        const isEntry = operation === 'state.get' || operation === 'state.delete'
        if (isEntry && isFailure(error, 'not_found')) return { entry: null }
        throw error
      } finally {
        if (after.length > 0)
          afterwards(on.response, actor.id, async (left) => {
            for (const run of after) await run(left).catch(onError)
          })
      }
    },
  }

  async function whoActs(operation: OperationName, named: string, place: Place | undefined) {
    // `/peers` names whom to leave out: anybody, and nobody acts.
    if (operation === 'peer.list') {
      const { actor } = await reader(store, named, place ?? NOWHERE).catch(() => reader(store, 'cli', place ?? NOWHERE))
      return { actor: place ? { ...actor, ...place } : actor, isOwn: false }
    }
    if (operation === 'message.inbox' || operation === 'mesh.status') return reader(store, named, NOWHERE)
    const actor: Actor = await outsider(store, named, place ?? NOWHERE)
    return { actor, isOwn: true }
  }
}

/** Takes the fields that say where the caller stands out of a body, and gives the others the operation's own names. */
function placeIn(
  paths: PathScheme,
  route: string,
  operation: OperationName,
  body: Record<string, unknown>,
): { place: Place | undefined; fields: Record<string, unknown> } {
  const schema = placeFields[route] ?? z.object({})
  const parsed = schema.safeParse(body)
  if (!parsed.success)
    throw fail('invalid', { operation, issues: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) })
  const { projectPath, gitRoot } = parsed.data
  const place = typeof projectPath === 'string' ? placeOf(projectPath, paths) : undefined
  const repo = typeof gitRoot === 'string' ? placeOf(gitRoot, paths).repo : place?.repo
  const names = new Map(Object.entries(renamed[operation] ?? {}))
  const own = new Set(names.values())
  const fields = Object.entries(body)
    .filter(([key]) => !Object.hasOwn(schema.shape, key))
    // The operation's own name for a field that REST calls otherwise is not known here.
    .map(([key, value]) => [names.get(key) ?? (own.has(key) ? `${key} ` : key), value] as const)
  return {
    place: projectPath !== undefined || gitRoot !== undefined ? { ...(place ?? NOWHERE), repo: repo ?? null } : undefined,
    fields: Object.fromEntries(fields),
  }
}

function shown<N extends OperationName>(operation: N, output: Output<N>, body: Record<string, unknown>): object {
  const wire = toWire(operation, output)
  // Clients of old know no mailboxes without a process: who wants them says so.
  if (!('peers' in wire) || !Array.isArray(wire.peers) || body.away === true) return wire
  return { ...wire, peers: wire.peers.filter((peer) => peer.status !== 'away') }
}
