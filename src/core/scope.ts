import { monotonicMs } from './clock.ts'

/**
 * Owns what one lifetime opened: timers, sockets, children, a signal.
 *
 * Closing runs last-in first-out, once, and reports every failure. This file is the only one that
 * sets timers, so that nothing in the mesh can keep a process alive or outlive its owner.
 */
export class Scope implements AsyncDisposable {
  #controller: AbortController | undefined
  readonly #closers = new Set<() => unknown>()
  #closed: Promise<void> | undefined
  #closing = false
  #ended = false

  /** Aborted as soon as closing begins. Made when somebody asks for it: many short scopes are never asked. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#closing) this.#controller.abort()
    }
    return this.#controller.signal
  }

  /**
   * Runs `close` when the scope closes; the returned function takes it back. What was still being opened when the
   * scope closed is closed as soon as it is handed over.
   */
  defer(close: () => unknown): () => void {
    if (this.#ended) {
      // There is nobody left to tell of a failure.
      void (async () => close())().catch(() => {})
      return () => {}
    }
    this.#closers.add(close)
    return () => this.#closers.delete(close)
  }

  /** A scope that closes with this one, or earlier. */
  child(): Scope {
    const child = new Scope()
    const forget = this.defer(() => child[Symbol.asyncDispose]())
    child.defer(forget)
    return child
  }

  /**
   * Calls `run` after `firstMs` and then again and again, about every `ms`: it never overlaps itself. All loops of one length come
   * to go round together, so that a process which rests is woken once. A call that fails goes to `onError` and does not end the loop.
   */
  every(ms: number, run: () => unknown, onError: (error: unknown) => void, firstMs = ms): void {
    if (this.#closing) return
    let timer: NodeJS.Timeout
    const tick = async () => {
      try {
        await run()
      } catch (error) {
        onError(error)
      }
      if (!this.#closing) timer = setTimeout(tick, untilRound(ms)).unref()
    }
    timer = setTimeout(tick, firstMs).unref()
    this.defer(() => clearTimeout(timer))
  }

  /** Until the scope closes, the process does not end by itself: no other timer or socket of the mesh would keep it. */
  keepAlive(): void {
    const timer = setInterval(() => {}, LONG_MS)
    this.defer(() => clearInterval(timer))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  #last(): (() => unknown) | undefined {
    return [...this.#closers].at(-1)
  }

  async #close() {
    this.#closing = true
    this.#controller?.abort()
    const errors: unknown[] = []
    for (let close = this.#last(); close; close = this.#last()) {
      this.#closers.delete(close)
      try {
        await close()
      } catch (error) {
        errors.push(error)
      }
    }
    this.#ended = true
    if (errors.length > 0) throw new AggregateError(errors, 'closing failed')
  }
}

/** As long as a timer can wait. */
const LONG_MS = 2 ** 31 - 1

/** The first multiple of `ms` on this process's clock that is at least half of it away. */
function untilRound(ms: number): number {
  const left = ms - (monotonicMs() % ms)
  return left < ms / 2 ? left + ms : left
}

/** Resolves after `ms`, or at once when `signal` aborts; never rejects. Keeps the process alive only if asked to. */
export async function sleep(ms: number, signal?: AbortSignal, keepAlive = false): Promise<void> {
  if (signal?.aborted) return
  const { over, end } = startSleep(ms, keepAlive)
  signal?.addEventListener('abort', end, { once: true })
  await over
  signal?.removeEventListener('abort', end)
}

/** A sleep that anybody may end. */
export function startSleep(ms: number, keepAlive = false): { readonly over: Promise<void>; end(): void } {
  let end = () => {}
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    if (!keepAlive) timer.unref()
    end = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  return { over, end }
}
