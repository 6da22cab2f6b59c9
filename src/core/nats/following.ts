import { monotonicMs } from '../clock.ts'
import type { MeshConnection } from './connect.ts'
import type { Message } from './consumer.ts'
import { type Copy, Diverged, Gap, type Position } from './copy.ts'
import { decodeEntry } from './entry.ts'
import type { Log } from './log.ts'
import type { Snapshots } from './snapshot.ts'

/**
 * Keeps the copy what the log says. Whatever was delivered late, twice or not at all is seen by the entries' own chain; a
 * copy that cannot be brought further is made anew, from the last snapshot and what follows it.
 */

/** A copy that has to be made anew again and again is another trouble than the one that this mends. */
const RESTORE_EVERY_MS = 10_000

export function createFollowing(on: {
  copy: Copy
  log: Log
  connection: MeshConnection
  snapshots: Snapshots
  warn: (what: string, error: unknown) => void
}) {
  const { copy, log, connection, snapshots, warn } = on
  let restoredAt = Number.NEGATIVE_INFINITY
  /** Where something was missing; where the same is missing again, the log does not have it any more. */
  let missingAt = -1

  async function whyNot(at: Position, stream: string): Promise<string | undefined> {
    if (at.stream !== stream) return 'the log on the server is another one'
    if (at.seq === 0) return undefined
    if ((await log.lastSeq()) < at.seq) return 'the log on the server has lost its end'
    const there = await log.at(at.seq)
    return there && idOf(there) !== at.entry ? 'the log on the server is not the one that it was' : undefined
  }

  function idOf(message: Message): string | undefined {
    try {
      return entryOf(message).id
    } catch {
      return undefined
    }
  }

  const entryOf = ({ data }: Message) => decodeEntry(data, connection.url)

  return {
    /** Sees to it that the copy is one of this log, and that its place there is what the log has at that place. */
    async settle(): Promise<void> {
      const isNew = await copy.prepare()
      const { created } = await connection.jsm.streams.info(connection.names.stream)
      const at = isNew ? undefined : copy.position()
      const why = at && (await whyNot(at, created))
      if (at && why === undefined) return
      if (why !== undefined) warn('the copy of the mesh is made anew', why)
      await snapshots.restore(created, at)
    },

    /** Applies what the log delivers. `again`: it has to be delivered anew from the copy's place on. */
    async deliver(messages: readonly Message[]): Promise<'again' | undefined> {
      const at = copy.position()
      const fresh = messages.filter(({ seq }) => seq > at.seq)
      try {
        await copy.apply(fresh.map((message) => ({ seq: message.seq, bytes: message.data.length, entry: entryOf(message) })))
        return undefined
      } catch (error) {
        if (!(error instanceof Diverged)) throw error
        if (error instanceof Gap && missingAt !== at.seq) {
          missingAt = at.seq
          return 'again'
        }
        if (monotonicMs() - restoredAt < RESTORE_EVERY_MS) throw error
        restoredAt = monotonicMs()
        warn('the copy of the mesh is made anew', error)
        await snapshots.restore(at.stream, at)
        return 'again'
      }
    },
  }
}
