import { createConnection } from 'node:net'
import type { HookAnswer, HookCall } from './hook.ts'

/**
 * How a hook's short process asks the peer of its session, over that peer's doorbell. Light: it is started at every edit.
 *
 * Rejects with `HookUnanswered` where nobody listens, the line breaks, or `signal` aborts.
 */

export class HookUnanswered extends Error {
  override readonly name = 'HookUnanswered'
}

export interface Told {
  readonly answer: HookAnswer
  /** Says that the answer has reached the agent: only then does what it carried count as shown. */
  left(): Promise<void>
  /** Ends the connection without that. */
  close(): void
}

/** What fits a frame with room for its quotes and its kind; frames.ts closes a connection that sends longer ones. */
const MAX_FRAME_BYTES = 4_000
/** More than all mail that one answer may carry. */
const MAX_ANSWER_BYTES = 1024 * 1024

export function askPeer(socketPath: string, call: HookCall, { signal }: { signal: AbortSignal }): Promise<Told> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath)
    const fail = (why: string) => {
      socket.destroy()
      reject(new HookUnanswered(why))
    }
    const onAbort = () => fail('it took too long')
    const chunks: Buffer[] = []
    let bytes = 0
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', (error) => fail(error.message))
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort)
      fail('the session closed the line')
    })
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) return fail('the answer is too long')
      if (!chunk.includes(0x0a)) return
      signal.removeEventListener('abort', onAbort)
      try {
        resolve(told(JSON.parse(Buffer.concat(chunks).toString('utf8'))))
      } catch {
        fail('the answer is no JSON')
      }
    })
    try {
      for (const frame of framesOf(call)) socket.write(frame)
    } catch (error) {
      fail(error instanceof Error ? error.message : String(error))
    }

    const told = (answer: HookAnswer): Told => ({
      answer,
      left: () =>
        new Promise((done) => {
          socket.once('close', () => done())
          socket.end('{"k":"left"}\n')
          socket.resume()
        }),
      close: () => socket.destroy(),
    })
  })
}

/** The call as frames, its paths in as many as they need. Throws for a path that fits none. */
function framesOf({ paths = [], ...rest }: HookCall): string[] {
  const frames: string[] = []
  let batch: string[] = []
  const line = (frame: object) => {
    const text = `${JSON.stringify(frame)}\n`
    if (Buffer.byteLength(text) > MAX_FRAME_BYTES) throw new Error('a path is too long')
    return text
  }
  for (const path of paths) {
    if (batch.length > 0 && Buffer.byteLength(JSON.stringify({ k: 'paths', paths: [...batch, path] })) >= MAX_FRAME_BYTES) {
      frames.push(line({ k: 'paths', paths: batch }))
      batch = []
    }
    batch.push(path)
  }
  if (batch.length > 0) frames.push(line({ k: 'paths', paths: batch }))
  return [...frames, line({ k: 'ask', ...rest })]
}
