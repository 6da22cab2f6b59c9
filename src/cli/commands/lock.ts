import type { Command } from 'commander'
import { canonicalPath } from '../../core/file-path.ts'
import type { Lock } from '../../core/lock.ts'
import { ask } from '../ask.ts'
import { common, type Define, type Desk, examples, type Handle, wholeNumber } from '../command.ts'
import { EXIT_ABSENT, EXIT_FAILED, EXIT_OK } from '../failures.ts'
import type { Mesh } from '../mesh.ts'
import { type Column, table } from '../table.ts'
import { safe } from '../terminal.ts'
import { times } from '../times.ts'

/** As many as the mesh lists without being asked for paths. */
const MAX_LISTED = 200
/** Under this name a shell holds locks. */
const SELF = 'cli'

export const define: Define = (command, handle) => {
  list(command, handle)
  acquire(command, handle)
  release(command, handle)
  command.addHelpText(
    'after',
    [
      '\nPaths are relative to the directory of this shell; a lock on a directory covers',
      'what is below it. All shells are one holder, `cli`: they exclude the agents, and',
      'not each other.',
      examples(
        'slm-mesh lock list',
        'slm-mesh lock acquire schema.sql --reason "migrating by hand"',
        'slm-mesh lock release schema.sql',
      ),
    ].join('\n'),
  )
}

const word = (parent: Command, usage: string, summary: string) => common(parent.command(usage).description(summary))
const absolutely = (command: Command) => command.option('--absolute', 'show dates and times instead of how long ago or until')

function list(parent: Command, handle: Handle): void {
  absolutely(word(parent, 'list', 'who holds what; with paths, what concerns them (exit 3: nothing does)'))
    .argument('[path...]')
    .addHelpText('after', examples('slm-mesh lock list', 'slm-mesh lock list src/ && echo "somebody works there"'))
    .action(
      handle(async (desk: Desk, { absolute = false }: { absolute?: boolean }, paths: string[]) => {
        const mesh = await desk.open()
        const { locks } = await mesh.call('lock.query', paths.length > 0 ? { filePath: paths } : {})
        const time = times(absolute, Date.now())
        const columns: readonly Column<Lock>[] = [
          { title: 'PATH', of: (lock) => lock.filePath, min: 16, cut: 'start', style: () => 'bold' },
          { title: 'HOLDER', of: (lock) => lock.lockedBy.name },
          { title: 'SINCE', of: (lock) => time.past(lock.lockedAt) },
          { title: 'UNTIL', of: (lock) => time.ahead(lock.expiresAt) },
          { title: 'TOKEN', of: (lock) => String(lock.token), align: 'right' },
          { title: 'REASON', of: (lock) => lock.reason, min: 12 },
          ...(locks.some(({ host }) => host) ? [{ title: 'HOST', of: ({ host = '' }: Lock) => host }] : []),
        ]
        desk.answer({ via: mesh.via, locks }, () =>
          locks.length > 0 ? table(desk.terminal, columns, locks) : desk.terminal.isTty ? 'Not locked.' : '',
        )
        if (paths.length === 0 && locks.length >= MAX_LISTED) desk.remark(`Only the first ${MAX_LISTED} are listed.`)
        return paths.length > 0 && locks.length === 0 ? EXIT_ABSENT : EXIT_OK
      }),
    )
}

function acquire(parent: Command, handle: Handle): void {
  absolutely(word(parent, 'acquire', 'lock files or directories, all or none; again: renew'))
    .argument('<path...>')
    .option('--reason <text>', 'what others are told')
    .option('--ttl <minutes>', 'how long it lasts (default: SLM_MESH_LOCK_TTL_MIN, else 10)', wholeNumber('ttl', 1, 1440))
    .option('--wait <seconds>', 'wait in line so long, up to 300 s', wholeNumber('wait', 0, 300), 0)
    .addHelpText(
      'after',
      examples(
        'slm-mesh lock acquire schema.sql --reason "migrating by hand"',
        'slm-mesh lock acquire src/api src/db --wait 60 --ttl 30 && make generate; slm-mesh lock release src/api src/db',
      ),
    )
    .action(handle(runAcquire))
}

async function runAcquire(
  desk: Desk,
  { reason = '', ttl, wait, absolute = false }: { reason?: string; ttl?: number; wait: number; absolute?: boolean },
  paths: string[],
): Promise<undefined> {
  const mesh = await desk.open({ create: true })
  const { locks = [], warnings = [] } = await mesh.call('lock.acquire', {
    ...{ filePath: paths, reason, wait },
    ...(ttl !== undefined && { ttlMinutes: ttl }),
  })
  const time = times(absolute, Date.now())
  desk.answer({ via: mesh.via, locks, warnings }, () =>
    locks.map((lock) => `locked ${safe(lock.filePath)} (ends ${time.ahead(lock.expiresAt)}, token ${lock.token})`).join('\n'),
  )
  for (const warning of warnings) desk.remark(`Beware: ${safe(warning)}`)
}

function release(parent: Command, handle: Handle): void {
  word(parent, 'release', 'give locks back, all or none')
    .argument('<path...>')
    .option('--force', 'take them away from whoever holds them: asks first')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('slm-mesh lock release schema.sql', 'slm-mesh lock release schema.sql --force'))
    .action(handle(runRelease))
}

async function runRelease(desk: Desk, { force = false, yes = false }: { force?: boolean; yes?: boolean }, paths: string[]) {
  const mesh = await desk.open()
  const taken = force ? await othersLocks(desk, mesh, paths) : []
  if (taken.length > 0 && !yes && !(await ask(desk, question(taken), '--yes'))) {
    desk.remark('Nothing was released.')
    return EXIT_FAILED
  }
  const { locks = [] } = await mesh.call('lock.release', { filePath: paths, ...(force && { force }) })
  desk.answer({ via: mesh.via, locks }, () =>
    locks
      .map(
        ({ filePath, lockedBy }) =>
          `released ${safe(filePath)}${lockedBy.id === SELF ? '' : `, taken from ${safe(lockedBy.name)}`}`,
      )
      .join('\n'),
  )
  return EXIT_OK
}

/** Which of these very paths somebody else holds now. */
async function othersLocks(desk: Desk, mesh: Mesh, paths: string[]): Promise<Lock[]> {
  const { locks } = await mesh.call('lock.query', { filePath: paths })
  const keys = new Set(paths.map((path) => canonicalPath(path, desk.cwd).key))
  return locks.filter((lock) => lock.lockedBy.id !== SELF && keys.has(canonicalPath(lock.filePath, desk.cwd).key))
}

function question(locks: readonly Lock[]): string {
  const each = locks.map(
    ({ filePath, lockedBy, reason }) =>
      `${safe(filePath)} from ${safe(lockedBy.name)}${reason === '' ? '' : ` (${safe(reason)})`}`,
  )
  return `Take ${each.join(', ')}?`
}
