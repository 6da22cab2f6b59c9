import { useState } from 'preact/hooks'
import { chooseTheme, chosenTheme, THEMES } from '../theme.ts'
import { useKnown, useNow, usePage } from '../view.ts'
import { counted, span } from '../words.ts'
import { PeerLink } from './parts.tsx'

/** Who leads, whether what is shown is of now, and how much there is. */
export function Header() {
  const { chosen } = usePage()
  return (
    <header class="top">
      <h1>
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <path d="M7 8 25 8 16 25Z" class="logo-line" />
          <circle cx="7" cy="8" r="4" />
          <circle cx="25" cy="8" r="4" />
          <circle cx="16" cy="25" r="4.5" class="logo-lead" />
        </svg>
        SLM Mesh
      </h1>
      <LinkState />
      <Leader />
      <Counts />
      <div class="top-end">
        <ThemeChoice />
        <button type="button" onClick={() => chosen.set({ help: true })} aria-label="Help and shortcuts" aria-keyshortcuts="?">
          ?
        </button>
      </div>
    </header>
  )
}

function LinkState() {
  const link = useKnown((known) => known.link)
  const words = { connecting: 'Connecting', live: 'Live', offline: 'Offline, trying again', 'signed-out': 'Signed out' }[
    link.state
  ]
  return (
    <span
      class={`link-state ${link.state}`}
      role="status"
      aria-label="Connection"
      title={link.state === 'offline' ? link.why : undefined}
    >
      <i aria-hidden="true" />
      {words}
    </span>
  )
}

function Leader() {
  const overview = useKnown((known) => known.overview)
  const now = useNow()
  if (!overview) return null
  const { leader, elections } = overview
  if (!leader) return <p class="leader">No leader; one is being elected</p>
  return (
    <p class="leader">
      <span class="dim">Led by </span>
      <PeerLink id={leader.id} name={leader.name} />
      <span class="dim">
        {leader.agentType} · pid {leader.pid} · term {leader.term} · for {span(now - Date.parse(leader.since))} ·{' '}
        {counted(elections, 'election')}
      </span>
    </p>
  )
}

function Counts() {
  const overview = useKnown((known) => known.overview)
  if (!overview) return null
  const peers = overview.peers.filter(({ kind }) => kind !== 'known')
  const figures: [string, number][] = [
    ['active', peers.filter(({ status }) => status === 'active').length],
    ['stale', peers.filter(({ status }) => status === 'stale').length],
    ['away', peers.filter(({ status }) => status === 'away').length],
    ['unread', overview.peers.reduce((n, { unread }) => n + unread, 0)],
    ['waiting', overview.locks.reduce((n, { waiters }) => n + waiters.length, 0)],
  ]
  return (
    <dl class="figures" aria-label="Counts">
      {figures.map(([name, n]) => (
        <div key={name} class={n > 0 ? `figure ${name}` : 'figure none'}>
          <dt>{name}</dt>
          <dd>{n}</dd>
        </div>
      ))}
    </dl>
  )
}

function ThemeChoice() {
  const [theme, set] = useState(chosenTheme)
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'auto'
  return (
    <button
      type="button"
      onClick={() => {
        chooseTheme(next)
        set(next)
      }}
      aria-label={`Theme: ${theme}. Change to ${next}`}
    >
      Theme: {theme}
    </button>
  )
}
