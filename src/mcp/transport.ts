import type { Readable, Writable } from 'node:stream'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js'
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js'
import { monotonicMs } from '../core/clock.ts'

/**
 * Standard input and output, with word of when an answer has left: the operating system has taken its bytes, so that
 * they survive our death. Only then may what it carried count as shown (G2).
 */
/** A cancellation that comes later than this is not about an answer that was still on its way. */
const CROSSING_MS = 250

export class AnsweringTransport extends StdioServerTransport {
  readonly #waiting = new Map<RequestId, (left: boolean) => Promise<void>>()
  readonly #left = new Map<RequestId, { settle: (left: boolean) => Promise<void>; at: number }>()
  readonly #output: Writable
  #settling: Promise<unknown> = Promise.resolve()

  constructor(input: Readable, output: Writable) {
    super(input, output)
    this.#output = output
  }

  /**
   * Calls `settle` with true when the answer to `id` has left, with false when it never will. A cancellation that
   * crosses an answer on its way makes the client drop what we believed shown: then `settle` is called again, with false.
   */
  onceAnswered(id: RequestId, signal: AbortSignal, settle: (left: boolean) => Promise<void>): void {
    this.#waiting.set(id, settle)
    signal.addEventListener('abort', () => this.#settle(id, false), { once: true })
    if (signal.aborted) this.#settle(id, false)
  }

  override async start(): Promise<void> {
    const receive = this.onmessage
    this.onmessage = (message) => {
      if ('method' in message && message.method === 'notifications/cancelled') this.#retract(message.params?.requestId)
      receive?.(message)
    }
    await super.start()
  }

  #retract(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return
    const answer = this.#left.get(id)
    if (!answer) return
    this.#left.delete(id)
    if (monotonicMs() - answer.at < CROSSING_MS) this.#enqueue(() => answer.settle(false))
  }

  /** Resolves when everything that earlier answers carried has been settled. */
  async settled(): Promise<void> {
    await this.#settling
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    const id = 'id' in message && !('method' in message) ? message.id : undefined
    try {
      await this.#write(serializeMessage(message))
    } catch (error) {
      if (id !== undefined) this.#settle(id, false)
      throw error
    }
    if (id !== undefined) this.#settle(id, true)
  }

  /** An error for a line that had no readable id. */
  sendUnaddressed(error: { code: number; message: string }): Promise<void> {
    return this.#write(`${JSON.stringify({ jsonrpc: '2.0', id: null, error })}\n`)
  }

  #write(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#output.write(line, (error) => (error ? reject(error) : resolve()))
    })
  }

  #settle(id: RequestId, left: boolean): void {
    const settle = this.#waiting.get(id)
    this.#waiting.delete(id)
    // In the order of the answers, and never failing the next one: what is not marked is shown again.
    if (!settle) return
    this.#enqueue(() => settle(left))
    if (left) this.#remember(id, settle)
  }

  #remember(id: RequestId, settle: (left: boolean) => Promise<void>): void {
    const now = monotonicMs()
    // The oldest stand first.
    for (const [old, { at }] of this.#left) {
      if (now - at < CROSSING_MS) break
      this.#left.delete(old)
    }
    this.#left.delete(id) // an id that is used again is the newest
    this.#left.set(id, { settle, at: now })
  }

  #enqueue(settle: () => Promise<void>): void {
    this.#settling = this.#settling.then(settle).catch(() => {})
  }
}
