import { basename } from 'node:path'
import type { Peer } from '../../../core/peer.ts'
import { local } from '../../times.ts'

/** What the watching screen says in words, beside core/words.ts. Pure. */

/** `14:05:09`, in the local time zone. */
export const timeOfDay = (iso: string) => local(iso).slice(11)

/**
 * Paths as those who work there say them: below the root of their repository, with its name where there are several.
 * Others stay whole.
 */
export function shortener(peers: readonly Pick<Peer, 'gitRoot' | 'projectPath'>[]): (path: string) => string {
  const roots = [...new Set(peers.map(({ gitRoot, projectPath }) => gitRoot ?? projectPath))]
    .filter((root) => root.length > 1)
    .sort((a, b) => b.length - a.length)
  return (path) => {
    const root = roots.find((known) => path.startsWith(known) && /^[/\\]./.test(path.slice(known.length)))
    if (root === undefined) return path
    return roots.length === 1 ? path.slice(root.length + 1) : `${basename(root)}${path.slice(root.length)}`
  }
}
