/** What REST answers, as docs/rest.md has it; the leader's own types would bring the leader's imports with them. */

export interface WireEvent {
  readonly id: string
  readonly seq: number
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly emittedBy: string | null
  readonly emittedByName: string | null
  readonly createdAt: string
}

export interface WireEntry {
  readonly key: string
  readonly namespace: string
  readonly value: string
  readonly version: number
  readonly updatedBy: string
  readonly updatedByName: string
  readonly updatedAt: string
  /** In a list, where the value is longer than lists show. */
  readonly cut?: boolean
}

export interface EntryPage {
  readonly entries: readonly WireEntry[]
  readonly more: boolean
}

export interface EventPage {
  readonly events: readonly WireEvent[]
  readonly more: boolean
  readonly cursor: number
}

export interface Receipt {
  readonly messageId: string
  readonly name: string
  readonly state: string
  readonly away: boolean
}
