import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/** A Chromium that is on this machine: SLM_MESH_CHROMIUM, or one in the usual places. Nothing is downloaded. */

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const PLACES = [
  '/snap/bin/chromium',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
]

function findChromium(): string {
  const named = process.env.SLM_MESH_CHROMIUM
  const paths = (process.env.PATH ?? '').split(delimiter).flatMap((dir) => NAMES.map((name) => join(dir, name)))
  const found = named || [...paths, ...PLACES].find((path) => existsSync(path))
  if (!found) throw new Error('there is no Chromium: install one (apt-get install chromium), or name it in SLM_MESH_CHROMIUM')
  return found
}

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: findChromium(), args: FLAGS })
