import { waitFor } from './bell.ts'
import { fail } from './errors.ts'
import { MAX_LIST, line as oneLine, text, waitSeconds } from './limits.ts'
import { type Answer, fromRow, Lock } from './lock.ts'
import { type Context, operation } from './operation.ts'
import { isKnownSender } from './outsiders.ts'
import type { Located } from './path-scheme.ts'
import * as z from './schema.ts'

/** What can be asked of the locks: their inputs and limits, and waiting for one. Their rules are in locks.ts. */

const MAX_PATH = 4_096
const MAX_REASON = 500
const MAX_TTL_MINUTES = 1_440

const filePath = z.once(() => oneLine(MAX_PATH))
const filePaths = z.once(() => z.union([filePath(), z.array(filePath()).check(z.minLength(1), z.maxLength(MAX_LIST))]))

/** The paths of a call, each once. A path outside any repository has no place in one. */
function lockPaths({ store, actor }: Context, given: string | readonly string[]): Located[] {
  const paths = (typeof given === 'string' ? [given] : given).map((path) => store.paths.locate(path, actor))
  return [...new Map(paths.map((path) => [path.key, path])).values()]
}

const lockOutput = z.once(() =>
  z.object({
    lock: z.optional(Lock()),
    locks: z.optional(z.array(Lock())),
    warnings: z.optional(z.array(z.string())),
  }),
)

const oneOrMany = (given: string | readonly string[], locks: Lock[]) =>
  typeof given === 'string' && locks[0] ? { lock: locks[0] } : { locks }

export const lockOperations = {
  'lock.acquire': operation({
    summary: 'Lock files or directories, all or none; again: renew.',
    effect: 'write',
    input: () =>
      z.object({
        filePath: filePaths(),
        reason: z._default(text(MAX_REASON), ''),
        ttlMinutes: z.optional(z.number().check(z.minimum(1), z.maximum(MAX_TTL_MINUTES))),
        wait: z._default(waitSeconds(), 0),
      }),
    output: lockOutput,
    run: async (context, input) => {
      const { store, actor, bell, clock, signal, afterAnswer, defaults } = context
      const paths = lockPaths(context, input.filePath)
      const ttlMs = Math.round((input.ttlMinutes ?? defaults.lockTtlMinutes) * 60_000)
      const deadline = clock.uptime() + input.wait * 1000
      let ticket: number | null = null
      let last: Extract<Answer, { conflicts: unknown }> | undefined
      try {
        const granted = await waitFor(bell, clock, input.wait * 1000, signal, async () => {
          const waitMs = signal.aborted ? 0 : Math.max(0, deadline - clock.uptime())
          const answer = await store.locks.acquire(actor, { paths, reason: input.reason, ttlMs, ticket }, waitMs)
          if ('granted' in answer) {
            ticket = null
            return { found: answer }
          }
          ticket = answer.ticket ?? ticket
          last = answer
          return { again: answer.again }
        })
        if (!granted) {
          if (signal.aborted) throw fail('cancelled', { operation: 'lock.acquire' })
          throw fail('locked', { conflicts: last?.conflicts ?? [], place: last?.place ?? null })
        }
        // A grant of which nobody hears must not outlive the call that asked for it.
        if (!granted.renewed)
          afterAnswer(async (left) => {
            if (!left) await store.locks.giveBack(granted.granted)
          })
        const warnings = granted.elsewhere.map(
          (c) =>
            `${c.holder.name} holds the same file in another worktree (${JSON.stringify(c.filePath)}) until ${c.until}${c.reason && `: ${JSON.stringify(c.reason)}`}`,
        )
        return {
          ...oneOrMany(
            input.filePath,
            granted.granted.map((row) => fromRow(row, { filePath: row.file_path })),
          ),
          ...(warnings.length > 0 && { warnings }),
        }
      } finally {
        if (ticket !== null) await store.locks.leaveLine(ticket)
      }
    },
  }),

  'lock.release': operation({
    summary: 'Give locks back.',
    effect: 'write',
    input: () =>
      z.object({
        filePath: filePaths(),
        force: z._default(z.boolean(), false).check(z.describe('take it from whoever holds it: for people only')),
      }),
    output: lockOutput,
    run: async (context, { filePath, force }) => {
      const { store, actor } = context
      // Whoever else asks for it is refused like anybody who does not hold the lock.
      const released = await store.locks.release(actor, lockPaths(context, filePath), force && isKnownSender(actor.id))
      return oneOrMany(filePath, released)
    },
  }),

  'lock.query': operation({
    summary: 'Who holds what; without a path, all locks.',
    effect: 'read',
    input: () => z.object({ filePath: z.optional(filePaths()) }),
    output: () => z.object({ locks: z.array(Lock()) }),
    run: async (context, { filePath }) => ({
      locks: await context.store.locks.query(filePath === undefined ? [] : lockPaths(context, filePath), context.actor),
    }),
  }),
}
