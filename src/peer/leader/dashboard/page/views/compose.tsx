import { useState } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { say, useChosen, useKnown, usePage } from '../view.ts'
import type { Receipt } from '../wire.ts'
import { shown } from '../words.ts'

const TYPES = ['text', 'alert', 'json', 'command'] as const
const PRIORITIES = ['normal', 'urgent', 'low'] as const

/** A message in the name of the human who watches. */
export function Compose() {
  const { mesh, chosen } = usePage()
  const draft = useChosen((c) => c.draft)
  const overview = useKnown((known) => known.overview)
  const [text, setText] = useState('')
  const [type, setType] = useState<string>('text')
  const [priority, setPriority] = useState<string>('normal')
  const [busy, setBusy] = useState(false)
  const [result, setResult] = useState<{ text: string; failed: boolean } | null>(null)
  const peers = (overview?.peers ?? [])
    .filter(({ id, kind }) => (kind !== 'known' || id === draft.to) && id !== 'dashboard')
    .sort((a, b) => Number(a.status === 'away') - Number(b.status === 'away') || (a.name < b.name ? -1 : 1))
  const known = draft.to === 'all' || peers.some(({ id }) => id === draft.to)

  async function send(event?: Event) {
    event?.preventDefault()
    if (busy || text.trim() === '') return
    setBusy(true)
    try {
      const { recipients } = await mesh.ask<{ recipients: readonly Receipt[] }>('/send', {
        fromPeer: 'dashboard',
        toPeer: draft.to,
        payload: text,
        type,
        priority,
        ...(draft.replyTo && { replyTo: draft.replyTo }),
      })
      const away = recipients.filter((recipient) => recipient.away)
      const to = recipients.length === 1 ? shown(recipients[0]?.name ?? '') : `${recipients.length} peers`
      setResult({ text: `Sent to ${to}${away.length > 0 ? '; who is away gets it later' : ''}`, failed: false })
      setText('')
      chosen.set({ draft: { to: draft.to } })
      mesh.reread()
    } catch (error) {
      setResult({ text: `Not sent: ${sentenceOf(error)}`, failed: true })
      say(chosen, `Not sent: ${sentenceOf(error)}`, true)
    }
    setBusy(false)
  }

  return (
    <form class="compose" onSubmit={send} aria-label="Write a message">
      {draft.replyTo && (
        <p class="reply-note">
          <span>
            A reply to <bdi>{shown(draft.about ?? '')}</bdi>, in this thread
          </span>
          <button type="button" class="quiet" onClick={() => chosen.set({ draft: { to: draft.to } })}>
            Not a reply
          </button>
        </p>
      )}
      <div class="fields">
        <label>
          To
          <select value={draft.to} onChange={(e) => chosen.set({ draft: { to: e.currentTarget.value } })}>
            <option value="all">All peers</option>
            {!known && <option value={draft.to}>{shown(draft.about ?? draft.to)}</option>}
            {peers.map(({ id, name, status }) => (
              <option key={id} value={id}>
                {shown(name)}
                {status === 'away' ? ' (away)' : ''}
              </option>
            ))}
          </select>
        </label>
        <label>
          Type
          <select value={type} onChange={(e) => setType(e.currentTarget.value)}>
            {TYPES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <label>
          Priority
          <select value={priority} onChange={(e) => setPriority(e.currentTarget.value)}>
            {PRIORITIES.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <label class="message-label">
        Message
        <textarea
          id="compose-text"
          rows={3}
          value={text}
          placeholder="Agents are told that a human wrote this"
          onInput={(e) => {
            setText(e.currentTarget.value)
            setResult(null)
          }}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) void send(e)
          }}
        />
      </label>
      <div class="buttons">
        <span role="status" class="done">
          {result?.failed === false && result.text}
        </span>
        {result?.failed && <span class="failed">{shown(result.text)}</span>}
        <button type="submit" class="primary" disabled={busy || text.trim() === ''} aria-keyshortcuts="Control+Enter">
          {busy ? 'Sending…' : draft.to === 'all' ? 'Send to all' : 'Send'}
        </button>
      </div>
    </form>
  )
}
