import { useMemo } from 'preact/hooks'
import { sentenceOf } from '../ask.ts'
import { isUnread, type Letter, lettersOf } from '../threads.ts'
import { useFoundMail } from '../use-mail.ts'
import { say, useNow, usePage } from '../view.ts'
import { agoOf, laidOut, shown, shownLines } from '../words.ts'
import { Copy, Empty, Loading, PeerLink } from './parts.tsx'

const SELF = 'dashboard'

/** One conversation, oldest first. */
export function ThreadView({ id }: { id: string }) {
  const { chosen } = usePage()
  const found = useFoundMail({ thread: id })
  const now = useNow()
  const letters = useMemo(() => lettersOf(found.messages ?? []), [found.messages])
  const back = () => {
    chosen.set({ thread: null, draft: { to: 'all' } })
    requestAnimationFrame(() => document.getElementById('search')?.focus())
  }
  const older = () => found.loadOlder().catch((error) => say(chosen, sentenceOf(error), true))
  return (
    <section aria-label="Thread" class="thread-view">
      <div class="bar">
        <button type="button" onClick={back} aria-keyshortcuts="Escape">
          ← All threads
        </button>
        <Copy text={id} what="thread id" />
      </div>
      {found.failed !== null && !found.messages && <Empty title="This thread could not be read">{shown(found.failed)}</Empty>}
      {found.failed === null && !found.messages && <Loading what="the thread" />}
      {found.more && (
        <button type="button" class="older" onClick={older}>
          Load earlier messages
        </button>
      )}
      {found.messages?.length === 0 && <Empty title="This thread is gone">Old mail is let go after a while.</Empty>}
      <ol class="letters">
        {letters.map((letter) => (
          <Message key={letter.seq} letter={letter} now={now} />
        ))}
      </ol>
    </section>
  )
}

const states: Readonly<Record<Letter['state'], string>> = {
  queued: 'waits in the mailbox',
  notified: 'its agent was told',
  seen: 'was read',
  acked: 'was answered',
  expired: 'nobody read it in time',
}

function Message({ letter, now }: { letter: Letter; now: number }) {
  const { chosen } = usePage()
  const { from, to, copies, payload, type, priority } = letter
  const mine = from.id === SELF
  const other = mine ? to : from
  const reply = () => {
    chosen.set({ draft: { to: other.id, replyTo: letter.id, about: other.name } })
    requestAnimationFrame(() => document.getElementById('compose-text')?.focus())
  }
  const read = copies.filter((copy) => !isUnread(copy)).length
  return (
    <li class={mine ? 'letter mine' : 'letter'}>
      <div class="letter-head">
        <PeerLink id={from.id} name={from.name} />
        <span class="tag">{from.agentType}</span>
        <span class="dim">to</span>
        {copies.length === 1 ? <PeerLink id={to.id} name={to.name} /> : <span>{copies.length} peers</span>}
        {type !== 'text' && <span class="tag">{type}</span>}
        {priority !== 'normal' && <span class={`tag ${priority}`}>{priority}</span>}
        <span class="when">{agoOf(letter.createdAt, now)}</span>
      </div>
      <pre class="payload" dir="auto">
        {shownLines(type === 'json' ? laidOut(payload) : payload)}
      </pre>
      <div class="letter-foot">
        <span class={`state-${letter.state}`} title={states[letter.state]}>
          {copies.length === 1 ? `${letter.state}: ${states[letter.state]}` : `read by ${read} of ${copies.length}`}
        </span>
        {from.id !== to.id && (
          <button type="button" class="quiet" onClick={reply} aria-label={`Reply to ${shown(other.name)}`}>
            Reply
          </button>
        )}
        <Copy text={letter.id} what="id" of="this message" />
      </div>
    </li>
  )
}
