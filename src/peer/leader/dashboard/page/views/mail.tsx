import { useMemo, useState } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { type Thread, threadsOf } from '../threads.ts'
import { type Found, useFoundMail } from '../use-mail.ts'
import { say, useChosen, useKnown, useNow, usePage } from '../view.ts'
import { agoOf, counted, shown } from '../words.ts'
import { Compose } from './compose.tsx'
import { Empty, Loading, Text } from './parts.tsx'
import { ThreadView } from './thread.tsx'

/** Everybody's mail, as threads; what the person at the page writes goes out from here. */
export function Mail() {
  const thread = useChosen((chosen) => chosen.thread)
  return (
    <div class="mail">
      {thread === null ? <Threads /> : <ThreadView id={thread} />}
      <Compose />
    </div>
  )
}

function Threads() {
  const { mesh } = usePage()
  const peer = useChosen((chosen) => chosen.peer)
  const [text, setText] = useState('')
  const narrowed = peer !== null || text.trim() !== ''
  const recent = useKnown((known) => known.messages)
  const recentRead = useKnown((known) => known.mailRead)
  const olderRecent = useKnown((known) => known.olderMessages)
  return (
    <section aria-label="Threads" class="threads">
      <input
        id="search"
        type="search"
        placeholder="Search mail"
        aria-label="Search mail"
        aria-keyshortcuts="/"
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {narrowed ? (
        <Narrowed peer={peer ?? undefined} text={text.trim()} />
      ) : (
        <List
          narrowed={false}
          found={{ messages: recentRead ? recent : undefined, more: olderRecent, failed: null, loadOlder: mesh.olderMessages }}
        />
      )}
    </section>
  )
}

const Narrowed = ({ peer, text }: { peer: string | undefined; text: string }) => (
  <List narrowed found={useFoundMail({ peer, text })} />
)

/** More are drawn when asked for. */
const ROWS = 60

function List({ found, narrowed }: { found: Found; narrowed: boolean }) {
  const { chosen } = usePage()
  const [busy, setBusy] = useState(false)
  const [rows, setRows] = useState(ROWS)
  const now = useNow()
  const threads = useMemo(() => threadsOf(found.messages ?? []), [found.messages])
  const older = async () => {
    setRows(rows + ROWS)
    if (threads.length > rows + ROWS || !found.more) return
    setBusy(true)
    await found.loadOlder().catch((error) => say(chosen, `Older mail could not be read: ${sentenceOf(error)}`, true))
    setBusy(false)
  }
  if (found.failed !== null && !found.messages) return <Empty title="Mail could not be read">{shown(found.failed)}</Empty>
  if (!found.messages) return <Loading what="mail" />
  return (
    <>
      {threads.length === 0 &&
        (narrowed ? (
          <Empty title={found.more ? 'Nothing found so far' : 'No mail like that'}>
            {found.more ? 'There is older mail to look through.' : 'Another word may find it; Escape shows all again.'}
          </Empty>
        ) : (
          <Empty title="No mail yet">What agents write to each other stands here. You can write to them below.</Empty>
        ))}
      <ul class="thread-list">
        {threads.slice(0, rows).map((thread) => (
          <Row key={thread.id} thread={thread} now={now} onOpen={() => chosen.set({ thread: thread.id })} />
        ))}
      </ul>
      {(found.more || threads.length > rows) && (
        <button type="button" class="older" onClick={older} disabled={busy}>
          {busy ? 'Reading…' : 'Load older mail'}
        </button>
      )}
    </>
  )
}

const NAMES = 3

function Row({ thread, now, onOpen }: { thread: Thread; now: number; onOpen: () => void }) {
  const { last, participants, messages, unread, urgent } = thread
  const others = participants.length - NAMES
  return (
    <li>
      <button type="button" class="thread" onClick={onOpen}>
        <span class="thread-who">
          {participants.slice(0, NAMES).map(({ id, name }, i) => (
            <span key={id}>
              {i > 0 && ', '}
              <Text of={name} />
            </span>
          ))}
          {others > 0 && ` and ${others} more`}
        </span>
        <span class="when">{agoOf(last.createdAt, now)}</span>
        <span class="thread-last">
          <bdi>
            {shown(last.from.name)}: {shown(last.payload.slice(0, 200))}
          </bdi>
        </span>
        <span class="thread-tags">
          {urgent && <span class="tag urgent">urgent</span>}
          {unread > 0 && <span class="tag unread">{unread} unread</span>}
          <span class="tag">{counted(messages.length, 'message')}</span>
        </span>
      </button>
    </li>
  )
}
