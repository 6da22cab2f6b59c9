import { useMemo, useState } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { filtered } from '../filters.ts'
import { MAX_EVENTS } from '../model.ts'
import { say, useChosen, useKnown, useNames, usePage } from '../view.ts'
import { counted, shown, titleOf } from '../words.ts'
import { EventDetail, Rows } from './event-rows.tsx'
import { Empty } from './parts.tsx'

const NO_TYPES: ReadonlySet<string> = new Set()

/** Everything that happened, newest first. */
export function Timeline() {
  const { mesh, chosen } = usePage()
  const events = useKnown((known) => known.events)
  const olderEvents = useKnown((known) => known.olderEvents)
  const overview = useKnown((known) => known.overview)
  const peer = useChosen((c) => c.peer)
  const nameOf = useNames()
  const [types, setTypes] = useState(NO_TYPES)
  const [text, setText] = useState('')
  const [open, setOpen] = useState<number | null>(null)
  const [busy, setBusy] = useState(false)
  const rows = useMemo(() => filtered(events, { types, peer, text }, nameOf), [events, types, peer, text])
  const seen = useMemo(() => [...new Set(events.map(({ type }) => type))].sort(), [events])
  const opened = open === null ? undefined : events.find(({ seq }) => seq === open)
  const toggle = (type: string) =>
    setTypes((now) => {
      const next = new Set(now)
      if (!next.delete(type)) next.add(type)
      return next
    })
  const older = async () => {
    setBusy(true)
    await mesh.olderEvents().catch((error) => say(chosen, `Older events could not be read: ${sentenceOf(error)}`, true))
    setBusy(false)
  }
  const peers = (overview?.peers ?? []).filter(({ kind, id }) => kind !== 'known' || id === peer)
  return (
    <section aria-label="Timeline" class="timeline">
      <div class="filters">
        <input
          id="search"
          type="search"
          placeholder="Search events"
          aria-label="Search events"
          aria-keyshortcuts="/"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <select
          aria-label="Peer"
          value={peer ?? ''}
          onChange={(event) => chosen.set({ peer: event.currentTarget.value || null })}
        >
          <option value="">All peers</option>
          {peers.map(({ id, name }) => (
            <option key={id} value={id}>
              {shown(name)}
            </option>
          ))}
        </select>
      </div>
      <fieldset class="types">
        <legend class="unseen">Types of events</legend>
        {seen.map((type) => (
          <button
            key={type}
            type="button"
            class={`chip kind-${type}`}
            aria-pressed={types.has(type)}
            onClick={() => toggle(type)}
            title={shown(type)}
          >
            {shown(titleOf(type))}
          </button>
        ))}
      </fieldset>
      <p class="dim bar">
        <span>
          {rows.length === events.length
            ? counted(events.length, 'event')
            : `${counted(rows.length, 'event')} of ${counted(events.length, 'event')}`}
        </span>
        {olderEvents && events.length < MAX_EVENTS && (
          <button type="button" class="quiet" onClick={older} disabled={busy}>
            {busy ? 'Reading…' : 'Load older events'}
          </button>
        )}
      </p>
      {opened && <EventDetail event={opened} onClose={() => setOpen(null)} />}
      {rows.length === 0 ? (
        <Empty title={events.length === 0 ? 'Nothing has happened yet' : 'Nothing fits these filters'}>
          {events.length === 0 ? 'What agents do through the mesh appears here at once.' : 'Take one away to see more.'}
        </Empty>
      ) : (
        <Rows rows={rows} open={open} onOpen={(seq) => setOpen(seq === open ? null : seq)} />
      )}
    </section>
  )
}
