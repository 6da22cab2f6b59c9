import { existsSync } from 'node:fs'
import { fail, isFailure } from '../core/errors.ts'
import type { Caller, OperationName } from '../core/operations.ts'
import { openDataDir } from '../core/paths.ts'
import type { LeaderClient } from '../peer/leader/client.ts'
import { reads } from '../peer/leader/wire.ts'
import { findLeader, leaderRow } from './find-leader.ts'
import type { Mesh, Standing } from './mesh.ts'

/**
 * The way from a shell into the mesh: through the leader, over HTTP; where nobody leads, or the leader does not answer,
 * through the file itself, which is the truth anyway.
 */

/**
 * `steadfast`: a connection through a leader stays one, and fails when nobody leads (`not_leader`), for a caller that shows
 * what it goes through. Throws `not_found` where there is no mesh and none may be made, and what opening it throws.
 */
export async function connect(desk: Standing, create: boolean, { steadfast = false } = {}): Promise<Mesh> {
  if (!create && !existsSync(desk.layout.database)) throw fail('not_found', { what: 'mesh yet in', id: desk.layout.dataDir })
  openDataDir(desk.config.dataDir)
  const found = await findLeader(desk)
  // The file, and following, are loaded where they are needed.
  const mesh = found.client
    ? throughLeader(desk, found.client, steadfast)
    : await (await import('./through-file.ts')).throughFile(desk, found.why)
  return Object.assign(mesh, {
    async *follow(types: readonly string[], since: number | undefined) {
      const { follow } = await import('./follow.ts')
      yield* follow(desk, mesh.call, types, since)
    },
  })
}

function throughLeader(desk: Standing, first: LeaderClient, steadfast: boolean): Omit<Mesh, 'follow'> {
  let client = first
  const as = (reference: string): Caller => {
    const ask: Caller = (name, input, { signal = desk.signal } = {}) =>
      client.as(reference)(name, located(desk, name, input), { signal })
    /** Of whoever leads now; between two leaders, of the file. */
    const askAgain: Caller = async (name, input, options) => {
      const found = await findLeader(desk)
      if (found.client) {
        client.close()
        client = found.client
        return ask(name, input, options)
      }
      if (steadfast) throw fail('not_leader', { term: first.term })
      const { throughFile } = await import('./through-file.ts')
      await using mesh = await throughFile(desk, found.why)
      return await mesh.as(reference)(name, input, options)
    }
    return async (name, input, options) => {
      if (!client.isOpen) return askAgain(name, input, options)
      try {
        return await ask(name, input, options)
      } catch (error) {
        // Only what changes nothing is asked twice.
        if (!isFailure(error, 'unknown_outcome') || !reads.has(name)) throw error
        return askAgain(name, input, options)
      }
    }
  }
  return {
    via: 'leader',
    row: () => leaderRow(desk.layout.database),
    why: null,
    outage: () => client.outage,
    get client() {
      return client
    },
    call: as('cli'),
    as,
    async [Symbol.asyncDispose]() {
      client.close()
    },
  }
}

/** Paths mean what they mean in this shell's directory, and scopes are its own. */
function located<N extends OperationName, I>(desk: Standing, name: N, input: I): I {
  return name === 'peer.list' || name.startsWith('lock.') ? { ...input, projectPath: desk.cwd } : input
}
