import type { MessagePage, Overview, OverviewMessage } from '../contract.ts'
import { type Ask, createAsk, createTrust } from './ask.ts'
import { stayConnected } from './connection.ts'
import { type Link, staleAfter, withEvents, withMessages } from './model.ts'
import { prove } from './proof.ts'
import { type Sample, sampleOf, withSample } from './rates.ts'
import { createRereading } from './rereading.ts'
import { createStore, type Store } from './store.ts'
import type { EventPage, WireEvent } from './wire.ts'

/** What the page knows of the mesh, kept up to date: views read the store, and say through `ask` what is to be done. */

export interface Known {
  readonly link: Link
  readonly overview: Overview | null
  /** By which the leader's clock is ahead of the page's own, which runs evenly. */
  readonly aheadMs: number
  /** Oldest first. */
  readonly events: readonly WireEvent[]
  /** Older ones may be stored. */
  readonly olderEvents: boolean
  /** The newest mail, oldest first. */
  readonly messages: readonly OverviewMessage[]
  readonly olderMessages: boolean
  /** Undefined until mail has been read once. */
  readonly mailRead: boolean
  readonly samples: readonly Sample[]
  /** Grows whenever mail, or the state of mail, has changed. */
  readonly mailChanges: number
  /** How often each namespace was seen to change. */
  readonly namespaceChanges: ReadonlyMap<string, number>
}

export interface Mesh {
  readonly known: Store<Known>
  readonly ask: Ask
  /** The leader's time, in milliseconds. */
  now(): number
  olderEvents(): Promise<void>
  olderMessages(): Promise<void>
  /** Something was just done here: look at once. */
  reread(): void
}

const EVENTS_PAGE = 200
const FIRST_EVENTS = 1_000
const MAIL_PAGE = 200
const LOOK_EVERY_MS = 5_000

const NOTHING: Omit<Known, 'link' | 'aheadMs'> = {
  overview: null,
  events: [],
  olderEvents: false,
  messages: [],
  olderMessages: false,
  mailRead: false,
  samples: [],
  mailChanges: 0,
  namespaceChanges: new Map(),
}

export function startMesh(key: string, onSignedOut: () => void, signal: AbortSignal): Mesh {
  const known = createStore<Known>({ link: { state: 'connecting' }, aheadMs: 0, ...NOTHING })
  const signedOut = () => {
    known.set({ link: { state: 'signed-out' } })
    onSignedOut()
  }
  const trust = createTrust(() => prove(key, location.port))
  const ask = createAsk(key, trust, signedOut)

  function takeOverview(overview: Overview) {
    const before = known.get().overview
    known.set(({ samples, mailChanges }) => ({
      overview,
      aheadMs: Date.parse(overview.now) - performance.now(),
      samples: withSample(samples, sampleOf(overview)),
      mailChanges: mailChanges + (isSameMail(before, overview) ? 0 : 1),
    }))
    if (!before) void firstEvents(overview.lastEvent)
    if (!isSameMail(before, overview)) mail.ask()
  }
  const overview = createRereading(async () => takeOverview(await ask<Overview>('/dashboard/overview')))

  const mail = createRereading(async () => {
    const { messages, more } = await ask<MessagePage>(`/dashboard/messages?limit=${MAIL_PAGE}`)
    known.set((now) => ({
      messages: withMessages(now.messages, messages),
      olderMessages: now.mailRead ? now.olderMessages : more,
      mailRead: true,
    }))
  })

  async function olderEvents(): Promise<void> {
    const first = known.get().events[0]?.seq ?? (known.get().overview?.lastEvent ?? 0) + 1
    const since = Math.max(0, first - 1 - EVENTS_PAGE)
    const { events } = await ask<EventPage>('/events', {
      action: 'read',
      since,
      limit: EVENTS_PAGE,
      types: ['*'],
      peerId: 'dashboard',
    })
    const older = events.filter(({ seq }) => seq < first)
    known.set((now) => ({ events: withEvents(now.events, older), olderEvents: older.length > 0 && since > 0 }))
  }

  async function firstEvents(lastEvent: number) {
    const enough = Math.min(FIRST_EVENTS, lastEvent)
    try {
      do await olderEvents()
      while (known.get().events.length < enough && known.get().olderEvents)
    } catch {
      known.set({ olderEvents: true }) // the timeline offers to load them
    }
  }

  async function olderMessages(): Promise<void> {
    const first = known.get().messages[0]?.seq
    const { messages, more } = await ask<MessagePage>(
      `/dashboard/messages?limit=${MAIL_PAGE}${first === undefined ? '' : `&before=${first}`}`,
    )
    known.set((now) => ({ messages: withMessages(now.messages, messages), olderMessages: more }))
  }

  void stayConnected({
    key,
    ask,
    trust,
    signal,
    on: {
      link: (link) => known.set({ link }),
      overview: takeOverview,
      anew: () => known.set(NOTHING),
      reset: (oldest) => known.set((now) => ({ events: now.events.filter(({ seq }) => seq >= oldest), olderEvents: false })),
      events(events) {
        const stale = staleAfter(events)
        known.set((now) => {
          const namespaceChanges = new Map(now.namespaceChanges)
          for (const name of stale.namespaces) namespaceChanges.set(name, (namespaceChanges.get(name) ?? 0) + 1)
          return { events: withEvents(now.events, events), ...(stale.namespaces.size > 0 && { namespaceChanges }) }
        })
        overview.ask()
      },
    },
  })
  // Whether mail was read, and how large the file is, no event says.
  const timer = setInterval(() => {
    if (document.visibilityState === 'visible' && known.get().link.state === 'live') overview.ask()
  }, LOOK_EVERY_MS)
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })

  return {
    known,
    ask,
    now: () => performance.now() + known.get().aheadMs,
    olderEvents,
    olderMessages,
    reread: () => overview.ask(),
  }
}

const isSameMail = (before: Overview | null, now: Overview) =>
  before !== null &&
  before.lastMessage === now.lastMessage &&
  JSON.stringify(before.figures.messages) === JSON.stringify(now.figures.messages)
