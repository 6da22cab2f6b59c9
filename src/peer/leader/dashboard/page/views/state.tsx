import { useEffect, useState } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { useChosen, useKnown, useNow, usePage } from '../view.ts'
import type { EntryPage, WireEntry } from '../wire.ts'
import { agoOf, counted, shown } from '../words.ts'
import { Entry } from './entry.tsx'
import { NewEntry } from './new-entry.tsx'
import { Empty, Loading, PeerLink, Text } from './parts.tsx'

type Open = { readonly namespace: string; readonly key: string } | 'new' | null

/** What agents share, by namespace: each value with its version, who wrote it, and when. */
export function StateView() {
  const namespaces = useKnown((known) => known.overview?.namespaces ?? [])
  const [namespace, setNamespace] = useState<string | null>(null)
  const [open, setOpen] = useState<Open>(null)
  const current = namespace ?? namespaces[0]?.namespace ?? 'default'
  return (
    <div class="state-view">
      <div class="bar">
        <label>
          Namespace
          <select
            value={current}
            onChange={(event) => {
              setNamespace(event.currentTarget.value)
              setOpen(null)
            }}
          >
            {!namespaces.some((each) => each.namespace === current) && <option value={current}>{shown(current)} (empty)</option>}
            {namespaces.map((each) => (
              <option key={each.namespace} value={each.namespace}>
                {shown(each.namespace)} ({each.keys})
              </option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => setOpen('new')}>
          New entry
        </button>
      </div>
      {open === 'new' && (
        <NewEntry
          namespace={current}
          onDone={(made) => {
            if (made) setNamespace(made.namespace)
            setOpen(made)
          }}
        />
      )}
      {open !== null && open !== 'new' && (
        <Entry key={`${open.namespace} ${open.key}`} namespace={open.namespace} name={open.key} onClose={() => setOpen(null)} />
      )}
      <Entries namespace={current} onOpen={(key) => setOpen({ namespace: current, key })} opened={open} />
    </div>
  )
}

function Entries({ namespace, onOpen, opened }: { namespace: string; onOpen: (key: string) => void; opened: Open }) {
  const { mesh } = usePage()
  const peer = useChosen((c) => c.peer)
  const changes = useKnown((known) => known.namespaceChanges.get(namespace) ?? 0)
  const keys = useKnown((known) => known.overview?.namespaces.find((each) => each.namespace === namespace)?.keys ?? 0)
  const [prefix, setPrefix] = useState('')
  const [page, set] = useState<{ of: string; page: EntryPage | null; failed: string | null }>({
    of: '',
    page: null,
    failed: null,
  })
  const now = useNow()
  const asked = `${namespace}\n${prefix}`
  useEffect(() => {
    let over = false
    const look = async () => {
      try {
        const page = await mesh.ask<EntryPage>('/state', { action: 'list', namespace, prefix, peerId: 'dashboard' })
        if (!over) set({ of: asked, page, failed: null })
      } catch (error) {
        if (!over) set((before) => ({ ...before, failed: sentenceOf(error) }))
      }
    }
    const timer = setTimeout(look, 150)
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [asked, changes, keys])

  const entries = page.page?.entries.filter(({ updatedBy }) => peer === null || updatedBy === peer)
  return (
    <section aria-label="Entries">
      <input
        id="search"
        type="search"
        placeholder="Keys that begin with…"
        aria-label="Keys that begin with"
        aria-keyshortcuts="/"
        value={prefix}
        maxLength={512}
        onInput={(event) => setPrefix(event.currentTarget.value)}
      />
      {page.failed !== null && !entries && <Empty title="The state could not be read">{shown(page.failed)}</Empty>}
      {!entries && page.failed === null && <Loading what="the state" />}
      {entries?.length === 0 && (
        <Empty title="Nothing here">
          {prefix === '' ? 'Agents share values with mesh_state; you can make an entry yourself.' : 'No key begins like that.'}
        </Empty>
      )}
      <ul class="entries">
        {entries?.map((entry) => (
          <Row
            key={entry.key}
            entry={entry}
            now={now}
            open={opened !== null && opened !== 'new' && opened.namespace === namespace && opened.key === entry.key}
            onOpen={() => onOpen(entry.key)}
          />
        ))}
      </ul>
      {page.page?.more && (
        <p class="dim">There are more than {counted(page.page.entries.length, 'entry', 'entries')}: say how the key begins.</p>
      )}
    </section>
  )
}

function Row({ entry, now, open, onOpen }: { entry: WireEntry; now: number; open: boolean; onOpen: () => void }) {
  return (
    <li class={open ? 'entry open' : 'entry'}>
      <div class="entry-head">
        <button type="button" class="link" onClick={onOpen} aria-expanded={open}>
          <Text of={entry.key} />
        </button>
        <span class="dim">
          version {entry.version} · <PeerLink id={entry.updatedBy} name={entry.updatedByName} /> · {agoOf(entry.updatedAt, now)}
        </span>
      </div>
      <p class="preview">
        <bdi>{shown(entry.value.slice(0, 240))}</bdi>
        {(entry.cut || entry.value.length > 240) && '…'}
      </p>
    </li>
  )
}
