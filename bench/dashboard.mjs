// How long a person waits for the dashboard: from the start of the navigation until the peers are painted, five of them, in a
// headless Chromium that is running already. `first view` has never seen the page (nothing cached, no key kept), `again` loads
// it once more in the same tab. The floor is a page of the same size that draws five lines with what it fetches from a bare
// Node server: what the browser takes by itself. Subjects take turns. Needs a Chromium: SLM_MESH_CHROMIUM, or one on the PATH.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'
import { main, median, row, runsOr } from './figures.mjs'
import { env, program, root, withSessions } from './world.mjs'

const RUNS = runsOr(15, 3)
const PEERS = 5
/** For a first view, on loopback. */
const AIM_MS = 300

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const places = (process.env.PATH ?? '').split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)))
const executablePath = process.env.SLM_MESH_CHROMIUM || places.find((path) => existsSync(path))
const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update']

export function dashboard() {
  if (!executablePath) {
    console.error('no Chromium here: the dashboard is not measured')
    return []
  }
  return withSessions(PEERS, { name: 'peer' }, async (...sessions) => {
    const names = sessions.map(({ name }) => name)
    const floor = await emptyPage(names)
    const browser = await chromium.launch({ executablePath, args: FLAGS })
    try {
      const times = { floor: [], 'floor again': [], first: [], again: [] }
      for (let run = 0; run <= RUNS; run++) {
        const warmUp = run === 0
        const found = [
          ...(await view(browser, floor.url, names)),
          ...(await view(
            browser,
            execFileSync(process.execPath, [program, 'ui', '--print'], { cwd: root, env }).toString().trim(),
            names,
          )),
        ]
        if (!warmUp) for (const [i, of] of Object.keys(times).entries()) times[of].push(found[i])
      }
      return [
        row('first view of five peers', median(times.first), 'ms', {
          floor: ['a page that does the least', median(times.floor)],
          atMost: AIM_MS,
        }),
        row('once more, in the same tab', median(times.again), 'ms', {
          floor: ['a page that does the least', median(times['floor again'])],
          atMost: AIM_MS,
        }),
      ]
    } finally {
      await browser.close()
      floor.end()
    }
  })
}

/** In a context of its own: how long until all names are painted, and again after a reload. In ms. */
async function view(browser, url, names) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  try {
    const page = await context.newPage()
    // The times are the page's own: what the driver takes to ask for them is not in them.
    await page.addInitScript((all) => {
      globalThis.painted = new Promise((resolve) => {
        const looking = new MutationObserver(() => {
          const shown = document.body?.textContent ?? ''
          if (!all.every((name) => shown.includes(name))) return
          looking.disconnect()
          // A task after the next frame: it is on the screen.
          requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
        })
        looking.observe(document, { childList: true, characterData: true, subtree: true })
      })
    }, names)
    await page.goto(url, { waitUntil: 'commit' })
    const first = await page.evaluate(() => globalThis.painted)
    await page.reload({ waitUntil: 'commit' })
    return [first, await page.evaluate(() => globalThis.painted)]
  } finally {
    await context.close()
  }
}

/** A page with a script as long as the dashboard's, that draws a line for each name it fetches. */
async function emptyPage(names) {
  const length = readFileSync(join(root, 'dist/dashboard/app.js')).length
  const draw = `fetch('/names').then((a) => a.json()).then((all) => { document.body.innerText = all.join('\\n') })\n`
  const answers = {
    '/': ['text/html', '<!doctype html><title>floor</title><body><script src="/app.js"></script>'],
    '/app.js': ['text/javascript', `${draw}globalThis.filler = ${JSON.stringify('x'.repeat(Math.max(0, length - draw.length)))}`],
    '/names': ['application/json', JSON.stringify(names)],
  }
  const server = createServer(({ url }, response) => {
    const [type, body] = answers[url] ?? ['text/plain', '']
    response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' }).end(body)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}/`, end: () => server.close().closeAllConnections() }
}

await main(import.meta, dashboard)
