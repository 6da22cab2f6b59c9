import { render } from 'preact'
import { forgetKey, takeKey } from './key.ts'
import { startMesh } from './mesh.ts'
import { createStore } from './store.ts'
import { startTheme } from './theme.ts'
import { type Chosen, PageContext } from './view.ts'
import { App } from './views/app.tsx'
import { SignedOut } from './views/empty.tsx'

/** The dashboard of the mesh, in a browser. */

/** A mesh that answers within this is what is drawn first, without a page before it that says that it is looked for. */
const WAITING_SHOWN_MS = 250

function start(root: Element) {
  startTheme()
  const key = takeKey({ location, history, storage: sessionStorage })
  if (key === undefined) return render(<SignedOut never />, root)
  const chosen = createStore<Chosen>({ view: 'peers', peer: null, thread: null, draft: { to: 'all' }, help: false, notice: null })
  const mesh = startMesh(key, () => forgetKey(sessionStorage), new AbortController().signal)
  const draw = () => {
    clearTimeout(late)
    stopWaiting()
    render(
      <PageContext.Provider value={{ mesh, chosen }}>
        <App />
      </PageContext.Provider>,
      root,
    )
  }
  const late = setTimeout(draw, WAITING_SHOWN_MS)
  const stopWaiting = mesh.known.follow(draw)
}

const root = document.getElementById('app')
if (root) start(root)
// A new link in the same tab only changes the fragment.
addEventListener('hashchange', () => location.hash.startsWith('#key=') && location.reload())
