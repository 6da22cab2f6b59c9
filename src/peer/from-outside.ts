import { createConnection } from 'node:net'
import { processOf, socketOf } from '../core/identity.ts'
import { removeSocket } from '../core/paths.ts'
import type { ProcessRef } from '../core/peer.ts'
import type { Store } from '../core/store.ts'
import { encode } from './frames.ts'

/** What a program does that has the file open for a moment, and is no peer. */

/** Rings a doorbell once. The returned function waits until that has left, or has failed. */
export function ringOnce(socketPath: string): () => Promise<void> {
  const socket = createConnection(socketPath)
  const done = new Promise<void>((resolve) => {
    socket.on('error', () => {})
    socket.once('close', () => resolve())
  })
  socket.end(encode({ k: 'ring' }))
  // Nobody's full backlog holds a command up.
  socket.setTimeout(500, () => socket.destroy())
  return () => done
}

/** Ends the rows of peers whose process is provably gone, as any peer may. Returns who they were. */
export async function endDead(
  store: Pick<Store, 'peers'>,
  isGone: (process: ProcessRef) => boolean,
): Promise<{ id: string; name: string }[]> {
  const ended: { id: string; name: string }[] = []
  for (const row of await store.peers.all()) {
    if (row.live === 0 || !isGone(processOf(row))) continue
    if (!(await store.peers.end(row.id, 'crashed', row.socket_path))) continue
    const socket = socketOf(row)
    if (socket) removeSocket(socket)
    ended.push({ id: row.id, name: row.name })
  }
  return ended
}
