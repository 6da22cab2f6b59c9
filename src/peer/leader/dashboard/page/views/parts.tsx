import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { say, usePage } from '../view.ts'
import { shown, shownLines } from '../words.ts'

/** Small pieces that several views are made of. */

/** What others have named: on one line, nothing hidden, and its direction does not spill over. */
export const Text = ({ of }: { of: string }) => <bdi>{shown(of)}</bdi>

/** `what` is short (`id`); `of` says of what, to those who do not see what it stands beside. */
export function Copy({ text, what, of = '' }: { text: string; what: string; of?: string }) {
  const { chosen } = usePage()
  const [copied, set] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => set(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      set(true)
      say(chosen, `Copied the ${what}`)
    } catch {
      say(chosen, 'The browser does not let this page copy', true)
    }
  }
  return (
    <button type="button" class="quiet" onClick={copy} aria-label={of === '' ? undefined : `Copy ${what} of ${of}`}>
      {copied ? 'Copied' : `Copy ${what}`}
    </button>
  )
}

/** Narrows the page to a peer, or no longer. */
export function PeerLink({ id, name }: { id: string; name: string }) {
  const { chosen } = usePage()
  return (
    <button type="button" class="link" onClick={() => chosen.set({ peer: id })} title={`Show only ${shown(name)}`}>
      <Text of={name} />
    </button>
  )
}

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children !== undefined && <p>{children}</p>}
  </div>
)

export const Loading = ({ what }: { what: string }) => (
  <div class="empty" role="status">
    <p>Reading {what}…</p>
    <div class="bones" aria-hidden="true">
      <i />
      <i />
      <i />
    </div>
  </div>
)

/** Text of any length, set out as it is. */
export const Value = ({ text }: { text: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached with the keyboard
  <section class="value" tabIndex={0} aria-label="Value">
    <pre dir="auto">{shownLines(text)}</pre>
  </section>
)

interface ConfirmProps {
  readonly title: string
  readonly action: string
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** Asks before what cannot be taken back. Escape and Cancel do nothing. */
export function Confirm({ title, action, onConfirm, onClose, children }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current?.showModal(), [])
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      <div class="dialog-text">{children}</div>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            onConfirm()
            dialog.current?.close()
          }}
        >
          {action}
        </button>
      </div>
    </dialog>
  )
}
