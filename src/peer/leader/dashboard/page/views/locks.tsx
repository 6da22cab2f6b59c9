import { useState } from 'preact/hooks'
import type { OverviewLock } from '../../contract.ts'
import { sentenceOf } from '../ask.ts'
import { say, useChosen, useKnown, useNow, usePage } from '../view.ts'
import { agoOf, baseOf, countdown, dirOf, shown } from '../words.ts'
import { Confirm, Copy, Empty, PeerLink } from './parts.tsx'

/** Who holds which file, until when, and who stands in line for it. */
export function Locks() {
  const { mesh, chosen } = usePage()
  const overview = useKnown((known) => known.overview)
  const peer = useChosen((c) => c.peer)
  const now = useNow()
  const [asked, ask] = useState<OverviewLock | null>(null)
  const locks = (overview?.locks ?? [])
    .filter(({ holder, waiters }) => peer === null || holder.id === peer || waiters.some(({ id }) => id === peer))
    .sort((a, b) => b.waiters.length - a.waiters.length || (a.filePath < b.filePath ? -1 : 1))

  async function release(lock: OverviewLock) {
    try {
      await mesh.ask('/lock', { action: 'unlock', filePath: lock.filePath, force: true, peerId: 'dashboard' })
      say(chosen, `Released ${baseOf(lock.filePath)}`)
      mesh.reread()
    } catch (error) {
      say(chosen, `Not released: ${sentenceOf(error)}`, true)
    }
  }

  return (
    <section aria-label="Locks">
      {locks.length === 0 && (
        <Empty title={peer === null ? 'Nothing is locked' : 'No locks here'}>
          An agent locks a file before it edits it; it stands here until it is given back or runs out.
        </Empty>
      )}
      <ul class="lock-list">
        {locks.map((lock) => (
          <Row key={lock.filePath} lock={lock} now={now} onRelease={() => ask(lock)} />
        ))}
      </ul>
      {asked && (
        <Confirm title="Take this lock away?" action="Release it" onConfirm={() => release(asked)} onClose={() => ask(null)}>
          <p>
            <code>{shown(asked.filePath)}</code>
          </p>
          <p>
            <strong>
              <bdi>{shown(asked.holder.name)}</bdi>
            </strong>{' '}
            may be editing it at this moment.{' '}
            {asked.waiters[0] ? (
              <>
                The next to have it is <bdi>{shown(asked.waiters[0].name)}</bdi>.
              </>
            ) : (
              'Nobody waits for it.'
            )}
          </p>
        </Confirm>
      )}
    </section>
  )
}

function Row({ lock, now, onRelease }: { lock: OverviewLock; now: number; onRelease: () => void }) {
  const { filePath, holder, host, lockedAt, expiresAt, reason, waiters } = lock
  const [from, to] = [Date.parse(lockedAt), Date.parse(expiresAt)]
  const left = Math.max(0, Math.min(1, (to - now) / Math.max(1, to - from)))
  return (
    <li class={waiters.length > 0 ? 'lock contended' : 'lock'}>
      <div class="lock-head">
        <p class="path" title={shown(filePath)}>
          <bdi>
            <span class="dim">{shown(dirOf(filePath))}</span>
            <strong>{shown(baseOf(filePath))}</strong>
          </bdi>
        </p>
        <p class="lock-time">
          <span class={left < 0.1 ? 'ending' : ''}>{to <= now ? 'runs out now' : `${countdown(expiresAt, now)} left`}</span>
          <svg viewBox="0 0 100 4" preserveAspectRatio="none" class="left-bar" aria-hidden="true">
            <rect width="100" height="4" class="track" />
            <rect width={left * 100} height="4" class="rest" />
          </svg>
        </p>
      </div>
      <p>
        <span class="dim">Held by</span> <PeerLink id={holder.id} name={holder.name} />
        {host !== undefined && (
          <span class="dim">
            {' '}
            on <bdi>{shown(host)}</bdi>
          </span>
        )}
        <span class="dim"> since {agoOf(lockedAt, now)}</span>
        {reason !== '' && (
          <>
            {': '}
            <bdi>{shown(reason)}</bdi>
          </>
        )}
      </p>
      {waiters.length > 0 && (
        <ol class="waiters" aria-label="In line">
          {waiters.map(({ id, name, until }) => (
            <li key={id}>
              <PeerLink id={id} name={name} /> <span class="dim">waits, {countdown(until, now)} more</span>
            </li>
          ))}
        </ol>
      )}
      <div class="buttons start">
        <button
          type="button"
          class="quiet danger-text"
          onClick={onRelease}
          aria-label={`Force-release ${shown(baseOf(filePath))}`}
        >
          Force-release
        </button>
        <Copy text={filePath} what="path" of={shown(baseOf(filePath))} />
      </div>
    </li>
  )
}
