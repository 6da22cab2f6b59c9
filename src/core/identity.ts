import { fail } from './errors.ts'
import { newName, type Random } from './ids.ts'
import { hostOf } from './lifetime.ts'
import type { Arrival, PeerRow, ProcessRef } from './peer.ts'
import type { Transaction } from './sql.ts'

/**
 * Who comes back as whom. A mailbox outlives its process; a session that returns takes it up again, in this order:
 *
 * 1. the client's own session id (Claude Code tells it to its children, Codex with its first call);
 * 2. the name that the user chose (`SLM_MESH_NAME`);
 * 3. else the same agent in the same directory of the same machine, unless that mailbox belongs to a session or a chosen name.
 *
 * A process that was a peer before, and was given up, takes up its own mailbox and no other of the third kind.
 * Never the mailbox of a process that still lives: two sessions side by side are two peers.
 */
const SAME_PLACE = `SELECT * FROM peers WHERE project_path = ? AND agent_type = ? AND kind = ? AND session_key IS NULL AND named = 0
  ORDER BY left_at DESC LIMIT 64`

export function findMailbox(tx: Transaction, arrival: Arrival, isGone: (process: ProcessRef) => boolean): PeerRow | undefined {
  const free = (row: PeerRow | undefined) => (row && (row.live === 0 || isGone(processOf(row))) ? row : undefined)
  if (arrival.returning !== undefined) {
    const row = free(tx.get<PeerRow>('SELECT * FROM peers WHERE id = ?', arrival.returning.id))
    if (row) return row
  }
  if (arrival.sessionKey !== undefined) {
    const row = free(tx.get<PeerRow>('SELECT * FROM peers WHERE session_key = ?', arrival.sessionKey))
    if (row) return row
  }
  if (arrival.name !== undefined) {
    const row = free(tx.get<PeerRow>('SELECT * FROM peers WHERE name = ?', arrival.name))
    if (row) return row
  }
  if (arrival.name !== undefined || arrival.sessionKey !== undefined || arrival.returning !== undefined) return undefined
  return tx
    .all<PeerRow>(SAME_PLACE, arrival.projectPath, arrival.agentType, arrival.kind)
    .find((row) => hostOf(row.boot_id ?? '') === hostOf(arrival.process.bootId) && free(row))
}

/** A mailbox as another mesh has it: whose it is, and by what it is found again. */
export interface Mailbox {
  readonly id: string
  readonly name: string
  readonly kind: 'session' | 'headless' | 'script' | 'known'
  readonly agentType: string
  /** The name was chosen by the user. */
  readonly named: boolean
  readonly sessionKey: string | null
  readonly projectPath: string
}

export const mailboxOf = (row: PeerRow): Mailbox => ({
  ...{ id: row.id, name: row.name, kind: row.kind as Mailbox['kind'], agentType: row.agent_type }, // what the schema says it is
  ...{ named: row.named === 1, sessionKey: row.session_key, projectPath: row.project_path },
})

/** The mailbox that this one is here, whether or not somebody is there: by the same rules, and first by its id. */
export function findAdopted(tx: Transaction, mailbox: Mailbox, bootId: string): PeerRow | undefined {
  const { id, sessionKey, named, name } = mailbox
  const known =
    tx.get<PeerRow>('SELECT * FROM peers WHERE id = ?', id) ??
    (sessionKey === null ? undefined : tx.get<PeerRow>('SELECT * FROM peers WHERE session_key = ?', sessionKey)) ??
    (named ? tx.get<PeerRow>('SELECT * FROM peers WHERE name = ?', name) : undefined)
  if (known || sessionKey !== null || named || mailbox.projectPath === '') return known
  return tx
    .all<PeerRow>(SAME_PLACE, mailbox.projectPath, mailbox.agentType, mailbox.kind)
    .find((row) => hostOf(row.boot_id ?? '') === hostOf(bootId))
}

/** A name nobody else has: the wanted one, then with a number; a random one where none is wanted. */
export function freeName(tx: Transaction, wanted: string | undefined, ownId: string | undefined, random?: Random): string {
  const isTaken = (name: string) =>
    tx.get('SELECT 1 FROM peers WHERE name = ? AND id IS NOT ?', name, ownId ?? null) !== undefined
  for (let n = 1; n <= 10_000; n++) {
    const name = wanted === undefined ? newName(random) + (n > 100 ? `-${n}` : '') : wanted + (n > 1 ? `-${n}` : '')
    if (!isTaken(name)) return name
  }
  throw fail('full', { what: 'the list of names', limit: 10_000 })
}

export const processOf = (row: Pick<PeerRow, 'pid' | 'process_start' | 'boot_id' | 'pid_namespace'>): ProcessRef => ({
  pid: row.pid ?? 0,
  startedAt: row.process_start ?? '',
  bootId: row.boot_id ?? '',
  pidNamespace: row.pid_namespace ?? '',
})

/** The socket that a peer made and that goes with it. A script's stays: it is whatever the script said. */
export const socketOf = (row: Pick<PeerRow, 'kind' | 'socket_path'>) => (row.kind === 'script' ? null : row.socket_path)

/** Up to five known names that resemble `wanted`, nearest first; where nothing does, the first five. */
export function suggest(wanted: string, names: readonly string[]): string[] {
  const near = names
    .map((name) => ({ name, distance: editDistance(wanted.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const close = near.filter(({ name, distance }) => distance <= Math.max(2, name.length / 2))
  return (close.length > 0 ? close : near).slice(0, 5).map(({ name }) => name)
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
