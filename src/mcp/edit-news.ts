import type { Collision, FileChange } from '../core/edits.ts'
import { ago } from '../core/visible.ts'
import type { Editing } from '../peer/editing.ts'
import { plural, quoted } from './answers.ts'
import type { Telling } from './mailbox.ts'

/** What the agent should know about the files that it edits, holds or waits for; told once, by whatever comes first. */

const MAX_NAMED = 5

/** `met`: encounters that the editing has just handed out. */
export async function editNews(editing: Editing, met: readonly Collision[] = []): Promise<Telling | undefined> {
  const collisions = [...met, ...(await editing.collisions())]
  const changes = await editing.changes()
  const all = [...collisions, ...changes]
  if (all.length === 0) return undefined
  const now = Date.now()
  const lines = [...collisions.map((met) => meeting(met, now)), ...changes.map((change) => changed(change, now))]
  const rest = lines.length - MAX_NAMED
  return {
    text: lines.slice(0, MAX_NAMED).join(' ') + (rest > 0 ? ` And ${plural(rest, 'more')}: mesh_events action=read.` : ''),
    settle: (left) => editing.settle(all, left),
  }
}

const meeting = ({ filePath, peer, elsewhere, at }: Collision, now: number) =>
  elsewhere === null
    ? `${peer.name} has written ${quoted(filePath)} ${ago(at, now)}, as you did: read it again before you go on, and lock it with mesh_lock or ask with mesh_send.`
    : `${peer.name} has written the same file in another worktree (${quoted(elsewhere)}) ${ago(at, now)}.`

const HOW = { add: 'was created', change: 'has changed', unlink: 'was deleted' } as const

function changed({ filePath, change, holder, byHolder, at }: FileChange, now: number): string {
  const by = byHolder === true ? ` by ${holder.name}` : byHolder === false ? `, not by ${holder.name}, who holds it` : ''
  return `${quoted(filePath)} ${HOW[change]} ${ago(at, now)}${by}.`
}
