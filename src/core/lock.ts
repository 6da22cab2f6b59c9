import type { Conflict } from './errors.ts'
import { isoTime } from './iso-time.ts'
import type { Located, Shown } from './path-scheme.ts'
import * as z from './schema.ts'

/** What a lock is: as others see it, as it stands in the file, and what asking for one can come to. */

export const Lock = z.once(() =>
  z.object({
    filePath: z.string(),
    lockedBy: z.object({ id: z.string(), name: z.string() }),
    host: z.optional(z.string()).check(z.describe('the machine of its holder, where that is another')),
    lockedAt: z.string(),
    expiresAt: z.string(),
    reason: z.string(),
    token: z.int().check(z.describe('fencing token: grows with every grant')),
  }),
)
export type Lock = z.infer<ReturnType<typeof Lock>>

export interface LockRow {
  path_key: string
  file_path: string
  repo: string | null
  repo_path: string | null
  holder_id: string
  holder_name: string
  reason: string
  token: number
  locked_at: number
  expires_at: number
  expires_uptime: number
  boot_id: string
}

export const fromRow = (row: LockRow, shown: Shown): Lock => ({
  filePath: shown.filePath,
  lockedBy: { id: row.holder_id, name: row.holder_name },
  ...(shown.host !== undefined && { host: shown.host }),
  lockedAt: isoTime(row.locked_at),
  expiresAt: isoTime(row.expires_at),
  reason: row.reason,
  token: row.token,
})

/** That lock, to whom it is in the way. */
export const conflictOf = (row: LockRow, shown: Shown): Conflict => ({
  filePath: shown.filePath,
  holder: { id: row.holder_id, name: row.holder_name },
  ...(shown.host !== undefined && { host: shown.host }),
  reason: row.reason,
  until: isoTime(row.expires_at),
  kind: 'held',
})

export interface Claim {
  readonly paths: readonly Located[]
  readonly reason: string
  readonly ttlMs: number
  /** A place in line from an earlier try. */
  readonly ticket: number | null
}

/** What became of an edit that was about to happen. `elsewhere`: others hold the same file in another worktree. */
export type EditAnswer = { refused: Conflict[] } | { took: LockRow[]; elsewhere: Conflict[] }

export type Answer =
  | { granted: LockRow[]; renewed: boolean; elsewhere: Conflict[] }
  | { conflicts: Conflict[]; ticket: number | null; place: number | null; again: number }
