import { useEffect } from 'preact/hooks'
import { useChosen, useKnown, useMedia, usePage, VIEWS, type ViewName, viewTitles } from '../view.ts'
import { Banners } from './banners.tsx'
import { SignedOut, Starting } from './empty.tsx'
import { Graph } from './graph.tsx'
import { Header } from './header.tsx'
import { Health } from './health.tsx'
import { Help, useShortcuts } from './help.tsx'
import { JustNow } from './just-now.tsx'
import { Locks } from './locks.tsx'
import { Mail } from './mail.tsx'
import { Announcer, Notice } from './notice.tsx'
import { Peers } from './peers.tsx'
import { StateView } from './state.tsx'
import { Timeline } from './timeline.tsx'
import { Held, Waits } from './waits.tsx'

const views: Readonly<Record<ViewName, () => preact.JSX.Element | null>> = {
  peers: Peers,
  mail: Mail,
  locks: Locks,
  state: StateView,
  timeline: Timeline,
  health: Health,
}

export function App() {
  const link = useKnown((known) => known.link)
  const loaded = useKnown((known) => known.overview !== null)
  if (link.state === 'signed-out') return <SignedOut />
  if (!loaded) return <Starting offline={link.state === 'offline' ? link.why : null} />
  return <Whole />
}

function Whole() {
  const wide = useMedia('(min-width: 1200px)')
  const view = useChosen((chosen) => chosen.view)
  const old = useKnown((known) => known.link.state === 'offline')
  const View = views[view]
  useShortcuts()
  return (
    <>
      <a class="skip" href="#view">
        Skip to the view
      </a>
      <Header />
      <Banners />
      <div class={`panes ${wide ? 'wide' : ''} ${old ? 'old' : ''}`}>
        {wide && (
          <aside class="pane glance" aria-label="Who talks with whom">
            <Graph />
            <Waits />
            <Held />
          </aside>
        )}
        <main class="pane">
          <Tabs />
          <div role="tabpanel" id="view" aria-labelledby={`tab-${view}`} tabIndex={-1} class={`view view-${view}`}>
            {!wide && view === 'peers' && (
              <>
                <Graph />
                <Waits />
              </>
            )}
            <View />
          </div>
        </main>
        {wide && (
          <aside class="pane now" aria-label="Just happened">
            <JustNow />
          </aside>
        )}
      </div>
      <Help />
      <Notice />
      <Announcer />
    </>
  )
}

/** Arrow keys go from tab to tab, as in any tab list. */
function Tabs() {
  const { chosen } = usePage()
  const view = useChosen((c) => c.view)
  const counts = useCounts()
  useEffect(() => {
    document.title = `${viewTitles[view]} · SLM Mesh`
  }, [view])
  const onKeyDown = (event: KeyboardEvent) => {
    const at = VIEWS.indexOf(view)
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: VIEWS.length - 1 }[event.key]
    const next = to === undefined ? undefined : VIEWS[(to + VIEWS.length) % VIEWS.length]
    if (!next) return
    event.preventDefault()
    chosen.set({ view: next })
    document.getElementById(`tab-${next}`)?.focus()
  }
  return (
    <div role="tablist" aria-label="Views" class="tabs" onKeyDown={onKeyDown}>
      {VIEWS.map((name) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`tab-${name}`}
          aria-selected={name === view}
          aria-controls={name === view ? 'view' : undefined}
          tabIndex={name === view ? 0 : -1}
          onClick={() => chosen.set({ view: name })}
        >
          {viewTitles[name]}
          {counts[name] !== undefined && counts[name] > 0 && (
            <span class="count" aria-hidden="true">
              {counts[name]}
            </span>
          )}
        </button>
      ))}
    </div>
  )
}

function useCounts(): Partial<Record<ViewName, number>> {
  const overview = useKnown((known) => known.overview)
  if (!overview) return {}
  return {
    peers: overview.peers.filter(({ kind, status }) => kind !== 'known' && status !== 'away').length,
    locks: overview.locks.length,
    state: overview.namespaces.reduce((n, { keys }) => n + keys, 0),
  }
}
