import { randomBytes } from 'node:crypto'
import { closeSync, constants, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A file that leads a browser to the dashboard. The link goes through it, because whatever stands among the arguments of a
 * process can be read by every user of the machine: the file can be read by its owner alone. It lives for seconds.
 */

/** What such a file is called: who made it, and something that nobody guesses. */
export const LINK_FILE = /^dashboard\.(\d{1,10})\.[0-9a-f]{16}\.html$/

/** Writes one, and returns its path and how to remove it. */
export function writeLinkFile(dataDir: string, link: string): { path: string; remove(): void } {
  const path = join(dataDir, `dashboard.${process.pid}.${randomBytes(8).toString('hex')}.html`)
  const noFollow = constants.O_NOFOLLOW ?? 0 // Windows has none
  const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | noFollow, 0o600)
  try {
    writeSync(file, pageLeadingTo(link))
  } finally {
    closeSync(file)
  }
  return { path, remove: () => rmSync(path, { force: true }) }
}

/** A link holds letters, digits and `-_:/#=[].` only: nothing that would have to be escaped. */
const pageLeadingTo = (link: string) => `<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>SLM Mesh</title>
<p><a href="${link}">To the dashboard</a></p>
<script>location.replace('${link}')</script>
`
