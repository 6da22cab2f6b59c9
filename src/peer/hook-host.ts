import type { Log } from '../core/log.ts'
import type { Frame } from './frames.ts'
import type { HookAnswer, HookCall, HookHandler } from './hook.ts'

/**
 * The session's side of hook-door.ts: a connection to the doorbell that asks is a hook, and is answered once, in one line
 * of JSON. Where it closes without having said that the answer has left, nothing counts as shown (G2).
 */

/** More files than one edit touches; a call that names more is closed. */
const MAX_PATHS = 1_000

export interface HookVisit {
  receive(frame: Frame): void
  closed(): void
}

export class HookHost {
  /** Answers every hook with nothing to say until an agent's session takes over. */
  handler: HookHandler = async () => ({})

  constructor(private readonly log: Log) {}

  /** One connection. `answer` sends a line; `close` ends the connection. */
  visit(answer: (line: string) => void, close: () => void): HookVisit {
    const gone = new AbortController()
    const paths: string[] = []
    const after: ((left: boolean) => Promise<void>)[] = []
    let asked = false

    const settle = (left: boolean) => {
      for (const run of after.splice(0))
        run(left).catch((error: unknown) => this.log.warn('could not note what a hook has shown', { error }))
    }
    const respond = async (call: HookCall) => {
      let told: HookAnswer = {}
      try {
        told = await this.handler(call, { signal: gone.signal, afterAnswer: (run) => after.push(run) })
      } catch (error) {
        this.log.error('a hook could not be answered', { moment: call.moment, error })
        return close() // the hook lets its agent go on, or refuses, as it was told to
      }
      if (gone.signal.aborted) settle(false)
      else answer(`${JSON.stringify(told)}\n`)
    }

    return {
      receive(frame) {
        if (frame.k === 'paths') {
          paths.push(...frame.paths)
          if (paths.length > MAX_PATHS) close()
        } else if (frame.k === 'ask' && !asked) {
          asked = true
          const { k: _, ...call } = frame
          // Absent and undefined are the same to a frame, not to the type.
          void respond({ ...call, ...(paths.length > 0 && { paths }) } as HookCall)
        } else if (frame.k === 'left') settle(true)
      },
      closed() {
        gone.abort()
        settle(false)
      },
    }
  }
}
