import { isoTime } from './iso-time.ts'
import type { PathScheme } from './path-scheme.ts'
import * as z from './schema.ts'
import type { Sql } from './sql.ts'

/** What an event is: as others see it, and as it stands in the file. */

export const Payload = z.once(() => z.record(z.string(), z.unknown()))

export const Event = z.once(() =>
  z.object({
    id: z.string(),
    seq: z.int(),
    type: z.string(),
    payload: Payload(),
    emittedBy: z.nullable(z.object({ id: z.string(), name: z.string() })),
    createdAt: z.string(),
  }),
)
export type Event = z.infer<ReturnType<typeof Event>>

export interface EventRow {
  seq: number
  id: string
  type: string
  payload: string
  emitted_by: string | null
  emitted_by_name: string | null
  created_at: number
}

export const fromRow = (row: EventRow, shown: PathScheme['heard'], sql: Sql): Event => ({
  id: row.id,
  seq: row.seq,
  type: row.type,
  payload: shown(sql, Payload().parse(JSON.parse(row.payload))),
  emittedBy: row.emitted_by === null ? null : { id: row.emitted_by, name: row.emitted_by_name ?? row.emitted_by },
  createdAt: isoTime(row.created_at),
})
