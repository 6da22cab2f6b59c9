import { useState } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { say, usePage } from '../view.ts'

interface Props {
  readonly namespace: string
  readonly onDone: (made: { namespace: string; key: string } | null) => void
}

/** A value that is not there yet; what is there is not touched. */
export function NewEntry({ namespace: suggested, onDone }: Props) {
  const { mesh, chosen } = usePage()
  const [namespace, setNamespace] = useState(suggested)
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const [failed, setFailed] = useState<string | null>(null)
  async function create(event: Event) {
    event.preventDefault()
    try {
      await mesh.ask('/state', { action: 'set', namespace, key, value, ifVersion: 0, peerId: 'dashboard' })
      say(chosen, `Saved ${key}`)
      mesh.reread()
      onDone({ namespace, key })
    } catch (error) {
      setFailed(sentenceOf(error))
    }
  }
  return (
    <form class="detail" aria-label="New entry" onSubmit={create}>
      <div class="fields">
        <label>
          Namespace
          <input required maxLength={128} value={namespace} onInput={(e) => setNamespace(e.currentTarget.value)} />
        </label>
        <label>
          Key
          <input required maxLength={512} value={key} onInput={(e) => setKey(e.currentTarget.value)} />
        </label>
      </div>
      <label class="message-label">
        Value
        <textarea rows={4} class="mono" value={value} onInput={(e) => setValue(e.currentTarget.value)} />
      </label>
      {failed !== null && (
        <p class="failed" role="alert">
          Not saved: {failed}
        </p>
      )}
      <div class="buttons start">
        <button type="submit" class="primary">
          Create
        </button>
        <button type="button" onClick={() => onDone(null)}>
          Cancel
        </button>
      </div>
    </form>
  )
}
