/**
 * What is on its way to somebody, so that two deliveries at once do not carry the same. Whoever delivers begins a look,
 * reads what there is, and takes what is free without awaiting anything in between; it lets go of it when it is known
 * whether it has arrived. What was let go of since a look began is not free for that look: it may have read the state
 * before.
 */
export class Claims {
  readonly #held = new Set<string>()
  readonly #looks = new Set<Set<string>>()

  /** How many are on their way: what a read has to pass over. */
  get size(): number {
    return this.#held.size
  }

  /** Begun before what it is asked about is read; ended when it is taken, or not. */
  look(): Disposable & { isFree(id: string): boolean } {
    const released = new Set<string>()
    this.#looks.add(released)
    return {
      isFree: (id) => !this.#held.has(id) && !released.has(id),
      [Symbol.dispose]: () => void this.#looks.delete(released),
    }
  }

  take(ids: readonly string[]): void {
    for (const id of ids) this.#held.add(id)
  }

  release(ids: readonly string[]): void {
    for (const id of ids) {
      this.#held.delete(id)
      for (const released of this.#looks) released.add(id)
    }
  }
}
