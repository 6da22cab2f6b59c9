import type { Clock } from '../core/clock.ts'
import type { Collision } from '../core/edits.ts'
import type { OperationName } from '../core/operations.ts'
import { Scope } from '../core/scope.ts'
import { recoveryText } from '../core/sqlite/recovery.ts'
import { escaped } from '../core/visible.ts'
import type { Editing } from '../peer/editing.ts'
import type { MeshPeer } from '../peer/mesh-peer.ts'
import { plural } from './answers.ts'
import { editNews } from './edit-news.ts'
import { createMailbox, type Telling } from './mailbox.ts'
import { startWaking, type WakeRoute } from './waking.ts'

/**
 * How mail and events reach the agent. This place knows what the session has been told, so that nothing is told twice and
 * nothing is missed. The routes, strongest first:
 *
 * 1. a pending `wait` answers by itself: the bell wakes it (core/inbox.ts);
 * 2. an idle agent is woken, where its client has a door for it (waking.ts);
 * 3. the agent's own hooks show it what has come: with the next prompt, after a tool, before it stops (hooks.ts);
 * 4. a notice at the end of the next answer of any mesh tool;
 * 5. the inbox.
 *
 * What each of them carries is claimed in mailbox.ts.
 */

const MAX_LISTED = 100

export type Delivery = ReturnType<typeof createDelivery>

export function createDelivery(
  peer: MeshPeer,
  on: { routes: readonly WakeRoute[]; clock: Pick<Clock, 'uptime'>; editing: Editing },
) {
  const scope = new Scope()
  const mailbox = createMailbox(peer)
  const waking = startWaking(scope, { mailbox, bell: peer.bell, log: peer.log, ...on })
  let eventsToldUpTo = 0
  /** Whether the last answer of a mesh tool was followed by a hook: then the next one will be, and shows the mail itself. */
  let hookFollows = false
  let hookFollowed = false
  /** What its hooks have done so far: shown something, or slept until there is something. */
  let hasHooks = false
  let sleeps = false
  let reach: 'wake' | 'hooks' | 'poll' = 'poll'

  async function events(): Promise<Telling | undefined> {
    const fresh = await peer.store.events.unread(peer.self.id, MAX_LISTED, eventsToldUpTo)
    const last = fresh?.events.at(-1)
    if (!fresh || !last) return undefined
    const before = eventsToldUpTo
    eventsToldUpTo = last.seq
    const kinds = new Map<string, number>()
    for (const { type } of fresh.events) kinds.set(type, (kinds.get(type) ?? 0) + 1)
    const summary = [...kinds].map(([type, count]) => (count === 1 ? type : `${type} ×${count}`)).join(', ')
    return {
      text: `${fresh.more ? 'at least ' : ''}${plural(fresh.events.length, 'new event')} you subscribed to (${summary}): mesh_events action=read.`,
      async settle(left) {
        if (!left && eventsToldUpTo === last.seq) eventsToldUpTo = before
      },
    }
  }

  /** What became of a damaged file: told once, by whatever comes first. */
  function recovery(): Telling | undefined {
    const [what] = peer.recoveries.splice(0, 1)
    if (!what) return undefined
    return {
      text: `${escaped(recoveryText(what))} Tell your user: the disk may be failing; slm-mesh doctor says more.`,
      async settle(left) {
        if (!left) peer.recoveries.unshift(what)
      },
    }
  }

  /** What has become of this peer: told once. */
  function news(): Telling | undefined {
    const [what] = peer.news.splice(0, 1)
    if (what === undefined) return undefined
    return {
      text: what,
      async settle(left) {
        if (!left) peer.news.unshift(what)
      },
    }
  }

  /** That what is shown may be old, for as long as it may be. */
  function outage(): Telling | undefined {
    const text = peer.outage()
    return text === null ? undefined : { text: escaped(text), async settle() {} }
  }

  /** For lists: what was seen working, or stands open now; a door that has turned out to be shut is no longer counted. */
  function noteReach(): void {
    const isOpen = on.routes.some((route) => route.isOpen() && !route.isUnseen)
    const now = sleeps || isOpen ? 'wake' : hasHooks ? 'hooks' : 'poll'
    if (now === reach) return
    const before = reach
    reach = now
    peer.store.peers.reachedBy(peer.self.id, now).catch((error: unknown) => {
      reach = before // said again at the next occasion
      peer.log.warn('could not note how the agent is reached', { error })
    })
  }

  return {
    waking,

    /** What to add to an answer, if there is anything that the agent has not been told; undefined otherwise. */
    async notice(answered: OperationName | undefined): Promise<Telling | undefined> {
      noteReach()
      hookFollows = hookFollowed
      hookFollowed = false
      const isMailShown = answered === 'message.inbox' || hookFollows
      const waiting = await peer.store.status.waiting(peer.self.id)
      return together([
        recovery(),
        outage(),
        news(),
        isMailShown || !waiting.mail ? undefined : await mailbox.tell('notice'),
        answered === 'event.read' || !waiting.events ? undefined : await events(),
        waiting.edits ? await editNews(on.editing) : undefined,
      ])
    },

    /** What a hook shows: mail itself, what events there are, and whom its edit has `met`. Low mail waits until the agent reads a prompt anyway. */
    async show(moment: 'start' | 'prompt' | 'after-tool' | 'stop', met: readonly Collision[] = []): Promise<Telling | undefined> {
      hasHooks = true
      noteReach()
      if (moment === 'after-tool') hookFollowed = true
      const isQuiet = moment === 'start' || moment === 'prompt'
      const mail = await mailbox.show('hook', ({ priority }) => isQuiet || priority !== 'low')
      // Nobody is kept from ending for events.
      return together(
        moment === 'stop' ? [mail] : [recovery(), news(), mail, await events(), await editNews(on.editing, met)],
        '\n',
      )
    },

    /** Resolves with what to wake the idle agent with; undefined when that is over. */
    async sleep(signal: AbortSignal): Promise<Telling | undefined> {
      sleeps = true
      noteReach()
      const telling = await waking.sleep(signal)
      if (!telling) return undefined
      return {
        text: telling.text,
        async settle(left) {
          await telling.settle(left)
          if (!left) peer.bell.ring() // another route may tell of it
        },
      }
    },

    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

/** Several things to tell in one text. */
function together(tellings: readonly (Telling | undefined)[], between = ' '): Telling | undefined {
  const all = tellings.filter((telling) => telling !== undefined)
  if (all.length === 0) return undefined
  return {
    text: all.map(({ text }) => text).join(between),
    async settle(left) {
      for (const telling of all) await telling.settle(left)
    },
  }
}
