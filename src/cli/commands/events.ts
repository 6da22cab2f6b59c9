import type { Event } from '../../core/event.ts'
import { asDocument, type Define, type Desk, examples, misused, wholeNumber } from '../command.ts'
import { EXIT_INTERRUPTED, EXIT_OK } from '../failures.ts'
import type { Mesh } from '../mesh.ts'
import { sentence } from '../sentence.ts'
import { type Column, cut, table } from '../table.ts'
import { paint, safe } from '../terminal.ts'
import { durationMs, local, times } from '../times.ts'

interface Options {
  type?: string[]
  since?: string
  limit?: number
  follow?: boolean
  absolute?: boolean
}

const DEFAULT_LIMIT = 50

export const define: Define = (command, handle) => {
  command
    .option('-t, --type <types>', 'only these types: a comma between them, or the option again', listed)
    .option('--since <when>', 'after a date and time, a duration ago such as 90s, 10m, 2h or 1d, or a seq')
    .option(
      '--limit <n>',
      `at most so many, up to 200 (default: ${DEFAULT_LIMIT}; with --follow: no end)`,
      wholeNumber('limit', 1, 200),
    )
    .option('-f, --follow', 'go on with what happens from now on, or since then; with --json one document a line')
    .option('--absolute', 'show dates and times instead of how long ago')
    .addHelpText(
      'after',
      [
        '\nBuilt-in types: peer_joined, peer_left, peer_updated, message_received,',
        'state_changed, file_locked, file_unlocked, file_changed, leader_elected,',
        'database_recovered. Agents may emit any other.',
        examples(
          'slm-mesh events --since 10m',
          'slm-mesh events --type file_locked,file_unlocked --follow',
          'slm-mesh events --follow --json | jq -c \'select(.type == "peer_left") | .payload\'',
        ),
      ].join('\n'),
    )
    .action(handle(events))
}

const listed = (given: string, before: string[] = []) => [...before, ...given.split(',').filter((type) => type !== '')]

async function events(desk: Desk, { type: types = [], since, limit, follow = false, absolute = false }: Options) {
  const after = since === undefined ? undefined : moment(since, Date.now())
  const mesh = await desk.open()
  if (follow) return followed(desk, mesh, { types, after, limit, absolute })
  const read = await mesh.call('event.read', {
    ...(types.length > 0 && { types }),
    ...(after !== undefined && { since: after }),
    limit: limit ?? DEFAULT_LIMIT,
  })
  const { nameOf } = desk.json ? silent : await acquaintances(mesh, read.events)
  const time = times(absolute, Date.now())
  const columns: readonly Column<Event>[] = [
    { title: 'SEQ', of: (event) => String(event.seq), align: 'right' },
    { title: 'WHEN', of: (event) => time.past(event.createdAt) },
    { title: 'TYPE', of: (event) => event.type, min: 8 },
    { title: 'WHAT', of: (event) => sentence(event, nameOf), min: 24 },
  ]
  desk.answer({ via: mesh.via, ...read }, () =>
    read.events.length > 0 ? table(desk.terminal, columns, read.events) : desk.terminal.isTty ? 'No events.' : '',
  )
  if (read.more)
    desk.remark(
      after === undefined
        ? 'There are older ones: --limit, or --since.'
        : `There are more: --since ${read.cursor} goes on from there.`,
    )
  return EXIT_OK
}

/** A time as the mesh takes it: a seq, or ISO 8601. Throws for what is neither that nor a duration. Pure. */
export function moment(given: string, now: number): string {
  if (/^\d{1,15}$/.test(given)) return given
  const ago = durationMs(given)
  const time = new Date(ago === undefined ? given : now - ago)
  if (Number.isNaN(time.getTime()))
    throw misused(`--since ${JSON.stringify(given)} is no date and time, no duration such as 10m, and no seq`)
  return time.toISOString()
}

interface Following {
  readonly types: readonly string[]
  readonly after: string | undefined
  readonly limit: number | undefined
  readonly absolute: boolean
}

async function followed(desk: Desk, mesh: Mesh, { types, after, limit, absolute }: Following): Promise<number> {
  const { terminal } = desk
  const { nameOf, meet } = desk.json ? silent : await acquaintances(mesh, [])
  const write = (event: Event) => {
    meet(event)
    const when = absolute ? local(event.createdAt) : local(event.createdAt).slice(11)
    const facts = terminal.isTty
      ? `${when}  ${String(event.seq).padStart(6)}  ${event.type.padEnd(16)}  ${safe(sentence(event, nameOf))}`
      : [event.seq, event.createdAt, event.type, safe(sentence(event, nameOf))].join('\t')
    terminal.out(`${terminal.isTty ? cut(facts, terminal.size().columns) : facts}\n`)
  }
  let left = limit ?? Number.POSITIVE_INFINITY
  for await (const event of mesh.follow(types, after === undefined ? undefined : await seqBefore(mesh, after))) {
    if (desk.json) terminal.out(`${asDocument(event, 0)}\n`)
    else if ('reset' in event)
      terminal.err(`${paint(terminal, 'dim', `What came before event ${event.reset} is no longer stored.`)}\n`)
    else write(event)
    if (!('reset' in event) && --left === 0) return EXIT_OK
  }
  return desk.signal.aborted ? EXIT_INTERRUPTED : EXIT_OK
}

/** The seq after which everything that came after that moment stands. */
async function seqBefore(mesh: Mesh, after: string): Promise<number> {
  if (/^\d+$/.test(after)) return Number(after)
  const { events, cursor } = await mesh.call('event.read', { since: after, limit: 1 })
  return events[0] ? events[0].seq - 1 : cursor
}

const silent = { nameOf: (id: string) => id, meet: () => {} }

/** Names for the ids that events carry: of those who are known now, and of all who appear on the way. */
async function acquaintances(mesh: Mesh, seen: readonly Event[]) {
  const names = new Map((await mesh.call('peer.list', {})).peers.map(({ id, name }) => [id, name]))
  const meet = ({ emittedBy }: Event) => void (emittedBy && names.set(emittedBy.id, emittedBy.name))
  seen.forEach(meet)
  return { nameOf: (id: string) => names.get(id) ?? id, meet }
}
