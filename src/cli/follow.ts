import { isFailure, MeshError } from '../core/errors.ts'
import type { Event } from '../core/event.ts'
import type { Caller } from '../core/operations.ts'
import { sleep } from '../core/scope.ts'
import { isGone } from '../peer/process-identity.ts'
import { findLeader, leaderRow } from './find-leader.ts'
import type { Standing } from './mesh.ts'
import { throughFile } from './through-file.ts'

/** How often the file is looked at while nobody leads. */
const LOOK_EVERY_MS = 200

/** From one leader to the next, and through the file in between; each event once. */
export async function* follow(
  desk: Standing,
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
async function* fromFile(desk: Standing, types: readonly string[], since: number): AsyncIterable<Event> {
  await using mesh = await throughFile(desk, '')
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
