import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import type { Known, Mesh } from './mesh.ts'
import { namesIn } from './model.ts'
import { type Store, usePicked } from './store.ts'

/** What all views share: the mesh, and what the person at the page has chosen. */

export const VIEWS = ['peers', 'mail', 'locks', 'state', 'timeline', 'health'] as const
export type ViewName = (typeof VIEWS)[number]

export const viewTitles: Readonly<Record<ViewName, string>> = {
  peers: 'Peers',
  mail: 'Mail',
  locks: 'Locks',
  state: 'State',
  timeline: 'Timeline',
  health: 'Health',
}

interface Draft {
  readonly to: string
  readonly replyTo?: string
  readonly about?: string
}

export interface Chosen {
  readonly view: ViewName
  /** The peer to which everything else is narrowed. */
  readonly peer: string | null
  readonly thread: string | null
  readonly draft: Draft
  readonly help: boolean
  /** What was just done, or could not be. */
  readonly notice: { readonly text: string; readonly failed: boolean; readonly n: number } | null
}

export interface Page {
  readonly mesh: Mesh
  readonly chosen: Store<Chosen>
}

export const PageContext = createContext<Page | null>(null)

export function usePage(): Page {
  const page = useContext(PageContext)
  if (!page) throw new Error('a view was drawn outside the page')
  return page
}

export const useKnown = <V>(pick: (known: Known) => V): V => usePicked(usePage().mesh.known, pick)
export const useChosen = <V>(pick: (chosen: Chosen) => V): V => usePicked(usePage().chosen, pick)

/** The leader's time, again every second. */
export function useNow(): number {
  const { mesh } = usePage()
  const [, draw] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => draw((n) => n + 1), 1000)
    return () => clearInterval(timer)
  }, [])
  return mesh.now()
}

let remembered: { overview: unknown; messages: unknown; names: ReadonlyMap<string, string> } | undefined

/** The name of an id; the id where none is known. */
export function useNames(): (id: string) => string {
  const overview = useKnown((known) => known.overview)
  const messages = useKnown((known) => known.messages)
  if (remembered?.overview !== overview || remembered?.messages !== messages)
    remembered = { overview, messages, names: namesIn(overview, messages) }
  const { names } = remembered
  return (id) => names.get(id) ?? id
}

/** A true or false of the window, such as whether it is wide. */
export function useMedia(query: string): boolean {
  const [matches, set] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const list = matchMedia(query)
    const look = () => set(list.matches)
    list.addEventListener('change', look)
    return () => list.removeEventListener('change', look)
  }, [query])
  return matches
}

export function say(chosen: Store<Chosen>, text: string, failed = false): void {
  chosen.set(({ notice }) => ({ notice: { text, failed, n: (notice?.n ?? 0) + 1 } }))
}
