import { lstatSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { fail } from '../../core/errors.ts'
import { isFresh } from '../../core/lifetime.ts'
import { chosenName, line } from '../../core/limits.ts'
import type { PeerRow } from '../../core/peer.ts'
import * as z from '../../core/schema.ts'
import type { Store } from '../../core/store.ts'
import { processRef } from '../process-identity.ts'
import { placeOf } from '../project.ts'

/**
 * Peers that are no MCP sessions: programs that register over REST and live by heartbeats. Any call under their id counts
 * as one. The mailbox stays when they go, and who registers under the same name finds it again.
 */

const path = line(4096).check(z.refine(isAbsolute, 'must be absolute'))

export const Register = z.object({
  pid: z.int().check(z.minimum(1), z.maximum(2 ** 31 - 1)),
  projectPath: path,
  name: z._default(z.union([z.literal('auto'), chosenName()]), 'auto'),
  agentType: z._default(z.string().check(z.regex(/^[A-Za-z0-9._-]{1,32}$/, 'must be up to 32 letters, digits, . _ -')), 'script'),
  gitRoot: z.optional(path),
  gitBranch: z.optional(line(256)),
  udsPath: z.optional(line(512)),
})

export const Named = z.object({ peerId: line(64) })

/** A call of a script is a heartbeat, unless the last one was this recent. */
const BEAT_AT_MOST_EVERY_MS = 5_000

export type Scripts = ReturnType<typeof createScripts>

export function createScripts(store: Pick<Store, 'peers' | 'paths'>, clock: Clock) {
  async function find(reference: string): Promise<PeerRow> {
    const row = await store.peers.resolve(reference)
    if (row.kind !== 'script') throw fail('impersonation', { peer: row.name })
    return row
  }

  return {
    async register(input: z.output<typeof Register>): Promise<{ peerId: string; name: string }> {
      const place = placeOf(input.projectPath, store.paths)
      if (input.udsPath !== undefined) assertSocket(input.udsPath)
      const { id } = await store.peers.join({
        kind: 'script',
        agentType: input.agentType,
        ...place,
        gitRoot: input.gitRoot ?? place.gitRoot,
        gitBranch: input.gitBranch ?? place.gitBranch,
        process: { ...processRef(input.pid), bootId: clock.bootId },
        socketPath: input.udsPath ?? null,
        name: input.name === 'auto' ? undefined : input.name,
      })
      return { peerId: id, name: (await store.peers.get(id))?.name ?? id }
    },

    /** Throws `unknown_peer`, or `impersonation` for a session, which leaves by itself. */
    async unregister(reference: string): Promise<void> {
      const row = await find(reference)
      await store.peers.end(row.id, 'left', row.socket_path)
    },

    /** Throws `not_found` where the script has been given up: it registers anew, under its name. */
    async heartbeat(reference: string): Promise<void> {
      const row = await find(reference)
      if (!(await store.peers.heartbeat(row.id, row.socket_path)))
        throw fail('not_found', { what: 'registered script', id: reference })
    },

    /** A script has called. */
    async beat(id: string): Promise<void> {
      const row = await store.peers.get(id)
      if (row?.kind !== 'script' || row.live === 0) return
      if (!isFresh(row.heartbeat_uptime, BEAT_AT_MOST_EVERY_MS, row.boot_id ?? '', clock))
        await store.peers.heartbeat(id, row.socket_path)
    },
  }
}

/** A script may have a doorbell of its own. Longer paths than these are cut silently, and lead to somebody else. */
function assertSocket(path: string): void {
  const fits = Buffer.byteLength(path) <= 103
  if (!fits || !isAbsolute(path) || !lstatSync(path, { throwIfNoEntry: false })?.isSocket())
    throw fail('invalid', {
      operation: 'register',
      issues: ['udsPath: must be an absolute path of up to 103 bytes, of a socket'],
    })
}
