import type { Clock } from './clock.ts'
import type { Events } from './events.ts'
import { type FilePath, keysAbove } from './file-path.ts'
import { isoTime } from './iso-time.ts'
import { isFresh, isOver, overSql, overValues } from './lifetime.ts'
import { overlapping, type Wait } from './lock-line.ts'
import type { Located, PathScheme, Written } from './path-scheme.ts'
import type { RingLater } from './ring.ts'
import * as z from './schema.ts'
import type { Sql, Transaction } from './sql.ts'
import type { Storage } from './storage.ts'

/**
 * What is written while others work: two agents that touch one path within half a minute (a collision) are both told,
 * locks or not; and whoever waits for a locked file, or holds it, is told that it has moved on. What a peer has not been
 * told yet stands in `edit_news`, one row for a path and another peer, so that nothing is told twice and nothing grows.
 */

/** Edits of one path by two agents within this are one encounter. */
export const TOGETHER_MS = 30_000
/** What nobody could be told of for this long is no news any more. */
export const NEWS_MS = 60 * 60_000
/** The newest that are kept for one peer, and the most that are told at once. */
const MAX_NEWS = 100

interface Reader {
  project_path: string
  git_root: string | null
  repo: string | null
  boot_id: string | null
}

interface TouchRow extends Written {
  peer_id: string
  peer_name: string
  at: number
}

/** Somebody else has written the same file within half a minute of this peer. */
export interface Collision {
  readonly id: number
  readonly filePath: string
  readonly peer: { readonly id: string; readonly name: string }
  /** Where the other one wrote the same file of the repository in another worktree or clone; null: the very same file. */
  readonly elsewhere: string | null
  readonly at: string
}

const Change = z.once(() => z.enum(['add', 'change', 'unlink']))
export type Change = z.infer<ReturnType<typeof Change>>

/** A locked file has changed, which this peer holds or waits for. */
export interface FileChange {
  readonly id: number
  readonly filePath: string
  readonly change: Change
  readonly holder: { readonly id: string; readonly name: string }
  /** Whether its holder's agent made the change; null where nobody can know. */
  readonly byHolder: boolean | null
  readonly at: string
}

/** A change of a locked path as its holder's process has seen it. `files`: so many below it, too many to name. */
export interface SeenChange {
  readonly path: Located
  readonly change: Change
  readonly byHolder: boolean | null
  readonly files?: number
}

interface NewsRow {
  id: number
  file_path: string
  other_id: string
  other_name: string
  detail: string
  at: number
  at_uptime: number
  boot_id: string
  told: number
}

interface News {
  to: string
  kind: 'collision' | 'changed'
  path: FilePath
  other: { id: string; name: string }
  detail: object
}

const collisionDetail = z.once(() => z.object({ elsewhere: z.nullable(z.string()) }))
const changeDetail = z.once(() => z.object({ change: Change(), byHolder: z.nullable(z.boolean()) }))

export type Edits = ReturnType<typeof createEdits>

export function createEdits(database: Storage, clock: Clock, events: Events, scheme: PathScheme, ring: RingLater) {
  /** As this machine writes it down now. */
  const written = (path: Located): Written => ({
    ...{ file_path: path.filePath, path_key: path.key, repo: path.repo, repo_path: path.repoPath },
    boot_id: clock.bootId,
  })

  /** Others' edits of the same path, or of the same file of the repository in another worktree, within the last moments. */
  function others(tx: Sql, peerId: string, touched: Located): TouchRow[] {
    const recent = `peer_id <> ? AND NOT ${overSql('at_uptime < ?')}`
    const bounds = [peerId, ...overValues(clock, clock.uptime() - TOGETHER_MS)] as const
    return [
      ...tx.all<TouchRow>(`SELECT * FROM touches WHERE path_key = ? AND ${recent}`, touched.key, ...bounds),
      ...(touched.repo === null || touched.repoPath === null
        ? []
        : tx.all<TouchRow>(
            `SELECT * FROM touches WHERE repo = ? AND repo_path = ? AND path_key <> ? AND ${recent}`,
            touched.repo,
            touched.repoPath,
            touched.key,
            ...bounds,
          )),
    ]
  }

  const stored = (tx: Sql, { to, kind, path, other }: News) =>
    tx.get<NewsRow>(
      'SELECT * FROM edit_news WHERE peer_id = ? AND kind = ? AND path_key = ? AND other_id = ?',
      to,
      kind,
      path.key,
      other.id,
    )

  /** A row of its own number each time there is something new to tell: who is being told the last one is told this one too. */
  function tell(tx: Transaction, news: News): void {
    const { to, kind, path, other, detail } = news
    tx.run(
      'DELETE FROM edit_news WHERE peer_id = ? AND kind = ? AND path_key = ? AND other_id = ?',
      ...([to, kind, path.key, other.id] as const),
    )
    tx.run(
      `INSERT INTO edit_news (peer_id, kind, path_key, file_path, other_id, other_name, detail, at, at_uptime, boot_id)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[to, kind, path.key, path.filePath, other.id, other.name, JSON.stringify(detail)],
      ...[clock.now(), clock.uptime(), clock.bootId],
    )
    tx.run(
      'DELETE FROM edit_news WHERE peer_id = ? AND id <= (SELECT id FROM edit_news WHERE peer_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)',
      ...[to, to, MAX_NEWS],
    )
    ringPeer(tx, to)
  }

  /** A path of this machine, as that peer has it. */
  function shownTo(sql: Sql, peerId: string, path: Located): FilePath {
    const row = sql.get<Reader>('SELECT project_path, git_root, repo, boot_id FROM peers WHERE id = ?', peerId)
    if (!row) return path
    const reader = { projectPath: row.project_path, gitRoot: row.git_root, repo: row.repo }
    return { key: path.key, filePath: scheme.shownTo(sql, written(path), reader, row.boot_id ?? '') }
  }

  function ringPeer(tx: Transaction, id: string): void {
    const peer = tx.get<{ id: string; socket_path: string | null }>(
      'SELECT id, socket_path FROM peers WHERE id = ? AND live = 1',
      id,
    )
    if (peer) ring(tx, peer)
  }

  /** One side of an encounter, which is told once for as long as the two go on. */
  function meet(tx: Transaction, news: News): void {
    const known = stored(tx, news)
    if (!known || !isFresh(known.at_uptime, TOGETHER_MS, known.boot_id, clock)) return tell(tx, news)
    tx.run('UPDATE edit_news SET at = ?, at_uptime = ? WHERE id = ?', clock.now(), clock.uptime(), known.id)
  }

  const untold = (peerId: string, kind: News['kind']) =>
    database.read((sql) =>
      sql.all<NewsRow>(
        'SELECT * FROM edit_news WHERE peer_id = ? AND kind = ? AND told = 0 ORDER BY id LIMIT ?',
        peerId,
        kind,
        MAX_NEWS,
      ),
    )

  return {
    /** An agent has written these paths: whoever else wrote one of them within half a minute will be told, and so will it. */
    async touch(peer: { id: string; name: string }, paths: readonly Located[]): Promise<void> {
      if (paths.length === 0) return
      await database.write((tx) => {
        for (const path of paths) {
          for (const other of others(tx, peer.id, path)) {
            const theirs = { filePath: other.file_path, key: other.path_key }
            const own = written(path)
            const isSame = scheme.isSameFile(other, own)
            const they = { id: other.peer_id, name: other.peer_name }
            meet(tx, {
              ...{ to: peer.id, kind: 'collision', path, other: they },
              detail: { elsewhere: isSame ? null : scheme.placed(tx, other, clock.bootId) },
            })
            // A mailbox may be forgotten before its last edits are.
            if (tx.get('SELECT 1 FROM peers WHERE id = ?', they.id))
              meet(tx, {
                ...{ to: they.id, kind: 'collision', path: theirs, other: peer },
                detail: { elsewhere: isSame ? null : scheme.placed(tx, own, other.boot_id) },
              })
          }
          tx.run(
            'INSERT OR REPLACE INTO touches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            ...[path.key, peer.id, peer.name, path.filePath, path.repo, path.repoPath],
            ...[clock.now(), clock.uptime(), clock.bootId],
          )
        }
      })
    },

    /**
     * A peer has seen that what it holds has changed. Subscribers are told by the log; who waits for the path is told, and
     * the holder where the change is not its own. What is no longer held by then is nobody's business.
     */
    async changed(holder: { id: string; name: string }, changes: readonly SeenChange[]): Promise<void> {
      await database.write((tx) => {
        for (const { path, change, byHolder, files } of changes) {
          const covering = JSON.stringify([...keysAbove(path.key), path.key])
          if (
            !tx.get(
              'SELECT 1 FROM locks WHERE holder_id = ? AND path_key IN (SELECT value FROM json_each(?))',
              holder.id,
              covering,
            )
          )
            continue
          const payload = { ...scheme.told(tx, written(path)), change, holder, byHolder, ...(files !== undefined && { files }) }
          // A subscriber is not shown what it did itself; what others did to its file, it is.
          events.append(tx, 'file_changed', payload, byHolder === false ? null : holder)
          const waiting = overlapping<Wait>(tx, 'lock_waits', path.key)
            .filter((wait) => !isOver(wait.until_uptime, wait.boot_id, clock))
            .map((wait) => wait.peer_id)
          for (const to of new Set(byHolder === false ? [...waiting, holder.id] : waiting))
            tell(tx, { to, kind: 'changed', path: shownTo(tx, to, path), other: holder, detail: { change, byHolder } })
        }
      })
    },

    /** Encounters of which a peer has not been told, oldest first. */
    async collisions(peerId: string): Promise<Collision[]> {
      return untold(peerId, 'collision').map((row) => ({
        id: row.id,
        filePath: row.file_path,
        peer: { id: row.other_id, name: row.other_name },
        ...collisionDetail().parse(JSON.parse(row.detail)),
        at: isoTime(row.at),
      }))
    },

    /** Changes of which a peer has not been told, oldest first; of each file the last. */
    async changes(peerId: string): Promise<FileChange[]> {
      return untold(peerId, 'changed').map((row) => ({
        id: row.id,
        filePath: row.file_path,
        holder: { id: row.other_id, name: row.other_name },
        ...changeDetail().parse(JSON.parse(row.detail)),
        at: isoTime(row.at),
      }))
    },

    /** A peer has been told of these. */
    async told(peerId: string, ids: readonly number[]): Promise<void> {
      if (ids.length === 0) return
      await database.write((tx) => {
        for (const id of ids) tx.run('UPDATE edit_news SET told = 1 WHERE id = ? AND peer_id = ?', id, peerId)
      })
    },
  }
}
