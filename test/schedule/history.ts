/**
 * What is kept of a schedule that was carried out: enough to check it again without running it. All times are ms of the
 * machine's monotonic clock, which all of its processes share.
 */

/** What a peer was asked to do. */
export type Call =
  | { readonly do: 'send'; readonly to: readonly string[]; readonly text: string }
  | { readonly do: 'read'; readonly limit: number; readonly wait: number }
  | { readonly do: 'follow'; readonly since: number; readonly limit: number; readonly wait: number }
  | { readonly do: 'lock'; readonly path: string; readonly wait: number }
  | { readonly do: 'unlock' | 'query'; readonly path: string }
  | { readonly do: 'get'; readonly key: string }
  | { readonly do: 'set'; readonly key: string; readonly value: string; readonly ifVersion?: number }
  | { readonly do: 'announce'; readonly note: string }

/** What it was told: only what is looked at. */
export interface Told {
  /** send: recipient's name → message. */
  readonly sent?: Readonly<Record<string, string>>
  readonly mail?: readonly { readonly id: string; readonly from: string; readonly text: string }[]
  /** lock, unlock, query (null: nobody holds it). */
  readonly token?: number | null
  readonly holder?: string
  /** set, get (0: there is none). */
  readonly version?: number
  readonly value?: string
  readonly seq?: number
  readonly events?: readonly number[]
}

export type Outcome =
  | { readonly ok: Told }
  | { readonly refused: string; readonly holders?: readonly string[]; readonly holder?: string | null; readonly actual?: number }
  /** Its process was killed before it had answered: it may have happened, once, or not. */
  | { readonly unknown: true }

export interface Op {
  readonly peer: string
  readonly life: number
  readonly lane: number
  readonly call: Call
  readonly from: number
  readonly to: number
  readonly outcome: Outcome
}

/** A process, from its start to its end. */
export interface Life {
  readonly peer: string
  readonly life: number
  readonly kind: 'library' | 'agent'
  readonly from: number
  /** When it had joined. */
  ready?: number
  killedAt?: number
  /** When its end was seen. */
  endedAt?: number
}

/** A fault as it was made. */
export interface Injected {
  readonly what: 'kill' | 'stop' | 'clock' | 'fill'
  readonly peer?: string
  readonly from: number
  to: number
  readonly more?: string
}

/** A row of the mesh's log. */
export interface Event {
  readonly seq: number
  readonly type: string
  readonly by: string | null
  readonly payload: Readonly<Record<string, unknown>>
}

export interface History {
  readonly seed: number
  readonly deadMs: number
  readonly peers: readonly string[]
  readonly ops: readonly Op[]
  readonly lives: readonly Life[]
  readonly faults: readonly Injected[]
  readonly refusedJoins: readonly { readonly peer: string; readonly why: string; readonly from: number; readonly to: number }[]
  /** Processes that ended though nobody had ended them. */
  readonly diedAlone: readonly string[]
  /** The log since the schedule began, and what was stored of messages. */
  readonly log: readonly Event[]
  readonly stored: readonly {
    readonly id: string
    readonly from: string
    readonly to: string
    readonly text: string
    readonly seen: boolean
  }[]
  /** How it was when all faults had been taken back and everybody had given back and read what they had. */
  readonly end: {
    readonly integrity: unknown
    readonly live: readonly string[]
    readonly locks: number
    readonly leader: string | null
  }
}

export const told = (op: Op): Told | undefined => ('ok' in op.outcome ? op.outcome.ok : undefined)
export const refusal = (op: Op): string | undefined => ('refused' in op.outcome ? op.outcome.refused : undefined)
export const isUnknown = (op: Op): boolean => 'unknown' in op.outcome
export const describe = (op: Op): string =>
  `${op.peer}/${op.life} ${JSON.stringify(op.call)} [${op.from.toFixed(2)}, ${op.to.toFixed(2)}] ${JSON.stringify(op.outcome).slice(0, 300)}`

/** A call whose operation is one of these. */
export type OpOf<K extends Call['do']> = Op & { readonly call: Extract<Call, { do: K }> }
export function opsOf<K extends Call['do']>(ops: readonly Op[], ...kinds: readonly K[]): OpOf<K>[] {
  return ops.filter((op): op is OpOf<K> => (kinds as readonly string[]).includes(op.call.do))
}
