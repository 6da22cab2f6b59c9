import { createConnection } from 'node:net'
import { BadFrame, encode, FrameReader } from './frames.ts'

/**
 * What became of knocking at a doorbell from outside. `answers`: a pong came. `silent`: somebody holds the socket, but
 * no pong came in time; its process hangs or is stopped. `refused`: nobody listens there. `absent`: there is no socket.
 */
export type Answer = 'answers' | 'silent' | 'refused' | 'absent' | 'denied'

/** Connects, pings, and waits for the pong. Nothing that listens is disturbed by it. Never throws. */
export function knock(socketPath: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    const reader = new FrameReader()
    const done = (answer: Answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(timeoutMs, () => done('silent'))
    socket.once('connect', () => socket.write(encode({ k: 'ping' })))
    socket.on('data', (chunk) => {
      try {
        if (reader.read(chunk).some((frame) => frame.k === 'pong')) done('answers')
      } catch (error) {
        if (!(error instanceof BadFrame)) throw error
        done('silent') // whoever speaks so is no peer
      }
    })
    socket.on('error', (error: NodeJS.ErrnoException) => done(meaning[error.code ?? ''] ?? 'silent'))
    socket.once('close', () => done('silent'))
  })
}

const meaning: Readonly<Record<string, Answer>> = {
  ECONNREFUSED: 'refused',
  ENOENT: 'absent',
  ENOTSOCK: 'absent',
  EACCES: 'denied',
  EPERM: 'denied',
}
