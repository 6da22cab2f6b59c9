import type { Message } from '../../../core/message.ts'
import type { OverseenLock, OverseenPeer } from '../../../core/oversight.ts'
import type { Figures } from '../../../core/status.ts'

/** What the leader tells its dashboard, beside REST's own routes. Types only: the page, which runs in a browser, reads them too. */

/** `GET /dashboard/overview`: the mesh as it stands. */
export interface Overview {
  readonly version: string
  /** ISO 8601, of the leader's clock: ages and countdowns are counted from it. */
  readonly now: string
  readonly leader: OverviewLeader | null
  /** Why this is what the leader last knew, in a sentence: a server of several machines is away. */
  readonly outage?: string
  /** Ever held, this one included. */
  readonly elections: number
  /** Sessions and scripts, those that are away as well; and `dashboard` and `cli`, as `kind: 'known'`. */
  readonly peers: readonly OverviewPeer[]
  readonly locks: readonly OverviewLock[]
  readonly namespaces: readonly { readonly namespace: string; readonly keys: number }[]
  readonly stored: {
    readonly messages: number
    readonly events: number
    readonly sizeBytes: number
    readonly walSizeBytes: number
  }
  readonly figures: Figures
  /** The seq of the last event: the stream continues there. */
  readonly lastEvent: number
  /** The seq of the last message. */
  readonly lastMessage: number
}

export interface OverviewLeader {
  readonly id: string
  readonly name: string
  readonly agentType: string
  readonly pid: number
  readonly term: number
  readonly port: number | null
  readonly since: string
}

export type OverviewPeer = OverseenPeer
export type OverviewLock = OverseenLock

/** `GET /dashboard/messages`: of everybody's mail. */
export interface MessagePage {
  readonly messages: readonly OverviewMessage[]
  readonly more: boolean
  /** Where to go on, as `before` (or `after`, if that was given); null where there is no more. A search for a rare text may
   * have looked at many messages and answer a short page, or an empty one, with more to look at. */
  readonly next: number | null
}

export interface OverviewMessage extends Message {
  readonly seq: number
}
