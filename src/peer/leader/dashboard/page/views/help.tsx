import { useEffect, useRef } from 'preact/hooks'
import { useChosen, usePage, VIEWS, type ViewName, viewTitles } from '../view.ts'

/** What can be done with keys alone. */

const goes: Readonly<Record<string, ViewName>> = { p: 'peers', m: 'mail', l: 'locks', s: 'state', t: 'timeline', h: 'health' }
const WAITS_FOR_SECOND_MS = 1_500

const isWriting = (target: EventTarget | null) =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement

export function useShortcuts(): void {
  const { chosen } = usePage()
  useEffect(() => {
    let gPressedAt = Number.NEGATIVE_INFINITY
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
      if (event.key === 'Escape') {
        if (isWriting(event.target)) (event.target as HTMLElement).blur()
        else if (chosen.get().thread !== null && chosen.get().view === 'mail') chosen.set({ thread: null })
        else chosen.set({ peer: null })
        return
      }
      if (isWriting(event.target)) return
      const view = performance.now() - gPressedAt < WAITS_FOR_SECOND_MS ? goes[event.key] : undefined
      gPressedAt = event.key === 'g' ? performance.now() : Number.NEGATIVE_INFINITY
      if (view) chosen.set({ view })
      else if (event.key === '?') chosen.set({ help: true })
      else if (event.key === '/') search(chosen.get().view)
      else if (event.key === 'c') compose()
      else return
      event.preventDefault()
    }
    const search = (view: ViewName) => {
      if (!document.getElementById('search')) chosen.set({ view: view === 'state' ? 'state' : 'mail', thread: null })
      requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById('search')?.focus()))
    }
    const compose = () => {
      chosen.set({ view: 'mail' })
      requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById('compose-text')?.focus()))
    }
    addEventListener('keydown', onKeyDown)
    return () => removeEventListener('keydown', onKeyDown)
  }, [chosen])
}

export function Help() {
  const { chosen } = usePage()
  const open = useChosen((c) => c.help)
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal()
  }, [open])
  if (!open) return null
  return (
    <dialog ref={dialog} onClose={() => chosen.set({ help: false })} aria-labelledby="help-title">
      <h2 id="help-title">Help</h2>
      <p>
        Choose a peer, in the graph or the list, and the page shows only what concerns it. What you send goes out in the name of a
        human, and agents are told so.
      </p>
      <dl class="keys">
        {VIEWS.map((view) => (
          <div key={view}>
            <dt>
              <kbd>g</kbd> <kbd>{view[0]}</kbd>
            </dt>
            <dd>{viewTitles[view]}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>c</kbd>
          </dt>
          <dd>Write a message</dd>
        </div>
        <div>
          <dt>
            <kbd>/</kbd>
          </dt>
          <dd>Search</dd>
        </div>
        <div>
          <dt>
            <kbd>Ctrl</kbd> <kbd>Enter</kbd>
          </dt>
          <dd>Send, or save</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>Back: out of a field, a thread, a chosen peer</dd>
        </div>
        <div>
          <dt>
            <kbd>?</kbd>
          </dt>
          <dd>This help</dd>
        </div>
      </dl>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  )
}
