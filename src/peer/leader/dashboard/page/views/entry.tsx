import { useEffect, useState } from 'preact/hooks'
import { Refused, sentenceOf } from '../ask.ts'
import { say, useKnown, useNow, usePage } from '../view.ts'
import type { WireEntry } from '../wire.ts'
import { agoOf, laidOut, shown } from '../words.ts'
import { Confirm, Copy, Empty, Loading, PeerLink, Value } from './parts.tsx'

interface Props {
  readonly namespace: string
  readonly name: string
  readonly onClose: () => void
}

/**
 * One entry, to be read, changed or deleted. A change goes out only if the entry is still at the version on which it was
 * begun: what another wrote meanwhile is shown beside it, and never overwritten unseen.
 */
export function Entry({ namespace, name, onClose }: Props) {
  const { mesh, chosen } = usePage()
  const changes = useKnown((known) => known.namespaceChanges.get(namespace) ?? 0)
  const [entry, setEntry] = useState<WireEntry | null | undefined>(undefined)
  const [failed, setFailed] = useState<string | null>(null)
  const [edit, setEdit] = useState<{ text: string; onto: number } | null>(null)
  const [deleting, setDeleting] = useState(false)
  const [again, reread] = useState(0)
  const now = useNow()

  useEffect(() => {
    let over = false
    mesh
      .ask<{ entry: WireEntry | null }>('/state', { action: 'get', namespace, key: name, peerId: 'dashboard' })
      .then((answer) => {
        if (over) return
        setEntry(answer.entry)
        setFailed(null)
      })
      .catch((error) => {
        if (over) return
        if (error instanceof Refused && error.code === 'not_found') setEntry(null)
        else setFailed(sentenceOf(error))
      })
    return () => {
      over = true
    }
  }, [namespace, name, changes, again])

  async function change(action: 'set' | 'delete', body: object, done: string) {
    try {
      await mesh.ask('/state', { action, namespace, key: name, peerId: 'dashboard', ...body })
      say(chosen, done)
      setEdit(null)
      mesh.reread()
      if (action === 'delete') onClose()
    } catch (error) {
      const conflict = error instanceof Refused && error.code === 'version_conflict'
      say(
        chosen,
        conflict ? 'Not saved: somebody changed it meanwhile. Look at both below.' : `Not done: ${sentenceOf(error)}`,
        true,
      )
    }
    reread((n) => n + 1)
  }
  const save = () => edit && change('set', { value: edit.text, ifVersion: edit.onto }, `Saved ${name}`)

  const version = entry?.version ?? 0
  const overtaken = edit !== null && entry !== undefined && edit.onto !== version
  return (
    <section class="detail" aria-label={`Entry ${shown(name)}`}>
      <div class="bar">
        <h2>
          <bdi>{shown(name)}</bdi>
        </h2>
        <button type="button" class="quiet" onClick={onClose}>
          Close
        </button>
      </div>
      {failed !== null && <p class="failed">{shown(failed)}</p>}
      {entry === undefined && failed === null && <Loading what="the entry" />}
      {entry === null && !edit && <Empty title="This entry is gone">Somebody deleted it.</Empty>}
      {overtaken && (
        <p class="conflict" role="alert">
          {entry ? (
            <>
              <strong>
                <bdi>{shown(entry.updatedByName)}</bdi>
              </strong>{' '}
              changed this while you were editing (version {entry.version}). Their value stands first, yours below it.
            </>
          ) : (
            'Somebody deleted this entry while you were editing. To save makes it anew.'
          )}
        </p>
      )}
      {entry && (
        <>
          <p class="dim">
            version {entry.version} · <PeerLink id={entry.updatedBy} name={entry.updatedByName} /> · {agoOf(entry.updatedAt, now)}
          </p>
          {(!edit || overtaken) && <Value text={laidOut(entry.value)} />}
        </>
      )}
      {edit && (
        <label class="message-label">
          {overtaken ? 'Your value' : 'Value'}
          <textarea
            rows={8}
            class="mono"
            value={edit.text}
            onInput={(event) => setEdit({ ...edit, text: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !overtaken) void save()
            }}
          />
        </label>
      )}
      <div class="buttons start">
        {edit ? (
          <>
            {overtaken ? (
              <button
                type="button"
                class="danger"
                onClick={() => change('set', { value: edit.text, ifVersion: version }, `Saved ${name}`)}
              >
                Save mine over it
              </button>
            ) : (
              <button type="button" class="primary" onClick={save}>
                Save
              </button>
            )}
            <button type="button" onClick={() => setEdit(null)}>
              {overtaken ? 'Keep theirs' : 'Cancel'}
            </button>
          </>
        ) : (
          entry && (
            <>
              <button type="button" onClick={() => setEdit({ text: entry.value, onto: entry.version })}>
                Edit
              </button>
              <button type="button" class="danger-text" onClick={() => setDeleting(true)}>
                Delete
              </button>
              <Copy text={entry.value} what="value" />
            </>
          )
        )}
      </div>
      {deleting && entry && (
        <Confirm
          title="Delete this entry?"
          action="Delete it"
          onConfirm={() => change('delete', { ifVersion: entry.version }, `Deleted ${name}`)}
          onClose={() => setDeleting(false)}
        >
          <p>
            <code>{shown(`${namespace}/${name}`)}</code>, last written by <bdi>{shown(entry.updatedByName)}</bdi>, is gone for
            everybody then.
          </p>
        </Confirm>
      )}
    </section>
  )
}
