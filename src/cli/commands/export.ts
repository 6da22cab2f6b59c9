import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fail } from '../../core/errors.ts'
import { mailboxOf } from '../../core/identity.ts'
import { writeLinesPrivately } from '../../core/private-file.ts'
import type { Store } from '../../core/store.ts'
import { type Define, type Desk, examples, misused } from '../command.ts'
import { type Counts, endLine, headerLine, mailboxLine, messageLine, stateLine } from '../export-lines.ts'
import { storeHere } from '../store-here.ts'
import { safe } from '../terminal.ts'

/** Takes along what agents have left for each other: shared values, and mail that nobody has read. */

interface Options {
  out?: string
}

/** Rows read at a time, between which others have their turn. */
const PAGE = 200

export const define: Define = (command, handle) => {
  command
    .option('-o, --out <file>', 'write it there, readable by you alone; without it, to standard output')
    .addHelpText(
      'after',
      [
        '\nShared values with their namespaces, and unread mail with its senders, threads',
        'and times, one JSON object a line. Nothing counts as read by this; locks and',
        'events stay behind. Whoever has the file can read the mail.',
        examples('slm-mesh export --out mesh.jsonl', 'slm-mesh export | SLM_MESH_URL=nats://mesh.example:4222 slm-mesh import -'),
      ].join('\n'),
    )
    .action(handle(runExport))
}

async function runExport(desk: Desk, { out }: Options): Promise<undefined> {
  const { layout, terminal } = desk
  if (desk.json && out === undefined) throw misused('--json says what was written; name a file with --out')
  if (!existsSync(layout.database)) throw fail('not_found', { what: 'mesh yet in', id: layout.dataDir })
  const store = await storeHere(desk)
  const counts: Counts = { state: 0, mailboxes: 0, messages: 0 }
  const lines = exported(store, counts)
  if (out === undefined) for await (const line of lines) terminal.out(line)
  else await writeLinesPrivately(resolve(desk.cwd, out), lines)
  const done = `${plural(counts.state, 'value')}, ${plural(counts.messages, 'unread message')}`
  if (out === undefined) desk.remark(`Exported ${done}.`)
  else desk.answer({ file: resolve(desk.cwd, out), ...counts }, () => `Exported ${done} to ${safe(out)}.`)
}

async function* exported(store: Store, counts: Counts): AsyncGenerator<string> {
  yield headerLine(new Date().toISOString())
  for (let last = { namespace: '', key: '' }; ; ) {
    const entries = await store.state.after(last, PAGE)
    for (const entry of entries) {
      yield stateLine(entry)
      counts.state++
      last = entry
    }
    if (entries.length < PAGE) break
  }
  const known = new Set<string>()
  for (let last = 0; ; ) {
    const messages = await store.messages.unreadOfAll(last, PAGE)
    for (const message of messages) {
      for (const { id } of [message.to, message.from]) {
        const row = known.has(id) ? undefined : await store.peers.get(id)
        known.add(id)
        if (!row) continue
        yield mailboxLine(mailboxOf(row))
        counts.mailboxes++
      }
      yield messageLine(message)
      counts.messages++
      last = message.seq
    }
    if (messages.length < PAGE) break
  }
  yield endLine(counts)
}

const plural = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
