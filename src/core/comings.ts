import type { Clock } from './clock.ts'
import { fail } from './errors.ts'
import type { Events } from './events.ts'
import { findAdopted, findMailbox, freeName, type Mailbox, processOf } from './identity.ts'
import { newId } from './ids.ts'
import { MAX_PEERS } from './limits.ts'
import type { Arrival, LeaveReason, PeerRow, ProcessRef } from './peer.ts'
import type { Sql, Transaction } from './sql.ts'

/**
 * Coming and going: which mailbox a process takes up, and what its end means. Each is part of a transaction. Who is the same
 * as whom is identity.ts.
 */

/** What other primitives do in the same transaction when a mailbox loses its process, gains one, or hands on its mail. */
export interface PeerHooks {
  joined?(tx: Transaction, peerId: string): void
  gone?(tx: Transaction, peer: { id: string; name: string }, reason: LeaveReason): void
  merged?(tx: Transaction, from: string, into: { id: string; name: string }): void
}

export const byId = (sql: Sql, id: string) => sql.get<PeerRow>('SELECT * FROM peers WHERE id = ?', id)

export function createComings(clock: Clock, events: Events, isGone: (process: ProcessRef) => boolean) {
  const hooks: PeerHooks[] = []

  /** Ends a mailbox's process. Idempotent; `socketPath` guards against ending a process that has come since. */
  function end(tx: Transaction, id: string, reason: LeaveReason, socketPath: string | null): boolean {
    const row = byId(tx, id)
    if (!row || row.live === 0 || row.socket_path !== socketPath) return false
    tx.run('UPDATE peers SET live = 0, socket_path = NULL, left_at = ? WHERE id = ?', clock.now(), id)
    for (const hook of hooks) hook.gone?.(tx, row, reason)
    events.append(tx, 'peer_left', { id, name: row.name, agentType: row.agent_type, reason }, row)
    return true
  }

  function arrive(tx: Transaction, arrival: Arrival): { id: string; returned: boolean } {
    // Joining twice is fine: a socket's path belongs to one process.
    const own = tx.get<PeerRow>('SELECT * FROM peers WHERE live = 1 AND socket_path = ?', arrival.socketPath)
    // Who comes from another file, however, says anew who it is: what was brought over of its row may be spoilt.
    const isSelf = own !== undefined && own.id === arrival.returning?.id
    if (own && !isSelf && own.pid === arrival.process.pid) return { id: own.id, returned: false }
    if (own && !isSelf) throw fail('invalid', { operation: 'join', issues: [`the socket is that of ${own.name}`] })
    const mailbox = own ?? findMailbox(tx, arrival, isGone)
    if (mailbox?.live === 1 && !isSelf) end(tx, mailbox.id, 'crashed', mailbox.socket_path)
    const living = tx.get<{ n: number }>('SELECT count(*) AS n FROM peers WHERE live = 1')?.n ?? 0
    if (living >= MAX_PEERS) throw fail('full', { what: 'the mesh', limit: MAX_PEERS })

    const now = clock.now()
    const { returning } = arrival
    // Where the file forgot this process, it stays who it was: others know it by its name.
    const id = mailbox?.id ?? (returning && !byId(tx, returning.id) ? returning.id : newId('p', now))
    const name =
      mailbox && !isSelf && arrival.name === undefined ? mailbox.name : freeName(tx, arrival.name ?? returning?.name, mailbox?.id)
    const sessionKey =
      arrival.sessionKey !== undefined &&
      !tx.get('SELECT 1 FROM peers WHERE session_key = ? AND id IS NOT ?', arrival.sessionKey, id)
        ? arrival.sessionKey
        : (mailbox?.session_key ?? null)
    if (!mailbox)
      tx.run(
        `INSERT INTO peers (id, name, kind, agent_type, project_path, live, started_at, heartbeat_at, heartbeat_uptime)
         VALUES (?, ?, ?, '', '', 0, 0, 0, 0)`,
        id,
        name,
        arrival.kind,
      )
    tx.run(
      `UPDATE peers SET name = ?, named = max(named, ?), agent_type = ?, session_key = ?, project_path = ?, git_root = ?,
         git_branch = ?, repo = ?, live = 1, pid = ?, process_start = ?, boot_id = ?, pid_namespace = ?, socket_path = ?,
         parent_pid = ?, parent_start = ?, started_at = ?, heartbeat_at = ?, heartbeat_uptime = ?, left_at = NULL,
         reach = 'poll' WHERE id = ?`,
      name,
      arrival.name === undefined ? 0 : 1,
      arrival.agentType,
      sessionKey,
      arrival.projectPath,
      arrival.gitRoot,
      arrival.gitBranch,
      arrival.repo,
      arrival.process.pid,
      arrival.process.startedAt,
      arrival.process.bootId,
      arrival.process.pidNamespace,
      arrival.socketPath,
      arrival.parent?.pid ?? null,
      arrival.parent?.startedAt ?? null,
      now,
      now,
      clock.uptime(),
      id,
    )
    for (const hook of hooks) hook.joined?.(tx, id)
    const returned = mailbox !== undefined && !isSelf
    const { agentType, projectPath, gitBranch } = arrival
    events.append(tx, 'peer_joined', { id, name, agentType, projectPath, gitBranch, returned }, { id, name })
    return { id, returned }
  }

  return {
    end,
    arrive,

    /** Lets another primitive take part in joining, leaving and merging, in the same transaction. */
    hook: (hook: PeerHooks) => void hooks.push(hook),

    /**
     * The client has told which session this is. Where an earlier process of that session left a mailbox, this one
     * moves into it, with the mail that has come meanwhile. `isNew`: this process is the first that the present row stands
     * for. Returns the peer to be from now on.
     */
    claim(tx: Transaction, id: string, sessionKey: string, arrival: Arrival, isNew: boolean): { id: string; returned: boolean } {
      const current = byId(tx, id)
      if (!current || current.session_key === sessionKey) return { id, returned: false }
      const owner = tx.get<PeerRow>('SELECT * FROM peers WHERE session_key = ?', sessionKey)
      if (!owner) {
        tx.run('UPDATE peers SET session_key = ? WHERE id = ?', sessionKey, id)
        return { id, returned: false }
      }
      if (owner.live === 1 && !isGone(processOf(owner))) return { id, returned: false }
      end(tx, id, 'left', arrival.socketPath)
      const { id: newSelf } = arrive(tx, { ...arrival, returning: owner, sessionKey })
      // A mailbox that was only waiting to learn whose it is; one of another session, taken by its name, stays.
      if (current.session_key === null || isNew) {
        for (const hook of hooks) hook.merged?.(tx, id, owner)
        tx.run('DELETE FROM peers WHERE id = ?', id)
      }
      return { id: newSelf, returned: true }
    },

    /** The mailbox that one of another mesh is here; where there is none, it is made, and waits for its session. */
    adopt(tx: Transaction, mailbox: Mailbox): PeerRow & { isNew: boolean } {
      const known = findAdopted(tx, mailbox, clock.bootId)
      if (known) return { ...known, isNew: false }
      const { id, kind, agentType, named, sessionKey, projectPath } = mailbox
      const now = clock.now()
      const row = tx.get<PeerRow>(
        `INSERT INTO peers (id, name, kind, agent_type, named, session_key, project_path, live, boot_id, started_at, heartbeat_at,
           heartbeat_uptime, left_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, ?) RETURNING *`,
        ...[id, freeName(tx, mailbox.name, undefined), kind === 'known' ? 'script' : kind, agentType, named ? 1 : 0],
        ...[sessionKey, projectPath, clock.bootId, now, now, now],
      )
      if (!row) throw new Error('an insert returned no row')
      return { ...row, isNew: true }
    },
  }
}
