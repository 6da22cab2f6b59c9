import { useEffect, useState } from 'preact/hooks'

/** One value that views follow. Views are drawn once a frame, however often it changes. */
export interface Store<T> {
  get(): T
  set(change: Partial<T> | ((now: T) => Partial<T>)): void
  follow(seen: () => void): () => void
}

export function createStore<T extends object>(first: T): Store<T> {
  let value = first
  const followers = new Set<() => void>()
  return {
    get: () => value,
    set(change) {
      value = { ...value, ...(typeof change === 'function' ? change(value) : change) }
      for (const seen of followers) seen()
    },
    follow(seen) {
      followers.add(seen)
      return () => followers.delete(seen)
    },
  }
}

const FRAME_MS = 17

/** What `pick` takes of a store; the component is drawn again when that is another value. */
export function usePicked<T extends object, V>(store: Store<T>, pick: (value: T) => V): V {
  const picked = pick(store.get())
  const [, draw] = useState({})
  useEffect(() => {
    let shown = picked
    let due = false
    const look = () => {
      due = false
      const now = pick(store.get())
      if (Object.is(now, shown)) return
      shown = now
      draw({})
    }
    look()
    let lookedAt = Number.NEGATIVE_INFINITY
    return store.follow(() => {
      if (due) return
      const now = performance.now()
      // What comes alone is drawn at once.
      if (now - lookedAt > FRAME_MS) look()
      else {
        due = true
        requestAnimationFrame(look)
      }
      lookedAt = now
    })
  }, [store])
  return picked
}
