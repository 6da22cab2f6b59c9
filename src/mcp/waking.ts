import type { Bell } from '../core/bell.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Scope } from '../core/scope.ts'
import type { Mailbox, Telling, Waiting } from './mailbox.ts'

/**
 * Waking an agent that is idle, once for each message: the first mail at once, then at most every five seconds, urgent
 * mail always at once, low mail never. An agent that works is not disturbed, as long as its hooks show it what has come;
 * urgent mail goes to it by what can reach it.
 */

/** A door into the agent that needs no call of its own. */
export interface WakeRoute {
  /** How it is called in a message's history. */
  readonly name: string
  isOpen(): boolean
  /** Nobody has seen it work: lists do not count on it. */
  readonly isUnseen?: boolean
  /**
   * Rejects where it did not work. True where the agent is known to have been reached; otherwise nothing is noted about the
   * mail, and the next sure route tells of it.
   */
  wake(text: string): Promise<boolean>
}

const PAUSE_MS = 5_000
/** An agent that has shown no sign of work for so long may have been interrupted: hooks do not tell of that. */
const AT_WORK_MS = 30_000
const LOOK_AGAIN_MS = 3_600_000

export function startWaking(
  scope: Scope,
  on: { mailbox: Mailbox; bell: Bell; clock: Pick<Clock, 'uptime'>; log: Log; routes: readonly WakeRoute[] },
) {
  const { mailbox, bell, clock } = on
  /** A hook that waits to be told what to wake its agent with. */
  let sleeper: { rouse(telling: Telling | undefined): void } | undefined
  let lastWake = Number.NEGATIVE_INFINITY
  let lastSign = Number.NEGATIVE_INFINITY
  let inboxWaits = 0
  /** Mail that an unproven route has been tried for: it is not tried again. */
  let tried = new Set<string>()

  /** Looks once. Resolves to how long to wait before the next look, if nothing rings. */
  async function look(): Promise<number> {
    const open = on.routes.filter((route) => route.isOpen())
    if (!sleeper && open.length === 0) return LOOK_AGAIN_MS
    const untold = await mailbox.untold()
    tried = new Set([...tried].filter((id) => untold.some((mail) => mail.id === id)))
    const isWorth = (mail: Waiting) => mail.priority !== 'low' && !tried.has(mail.id)
    const mail = untold.filter(isWorth)
    // A call that waits for mail takes it.
    if (mail.length === 0 || inboxWaits > 0) return LOOK_AGAIN_MS
    const now = clock.uptime()
    if (!mail.some(({ priority }) => priority === 'urgent')) {
      const later = Math.max(lastWake + PAUSE_MS, lastSign + AT_WORK_MS) - now
      if (later > 0) return later
    }
    const route = sleeper ? undefined : open[0]
    const telling = await mailbox.tell(route?.name ?? 'wake', isWorth)
    if (!telling) return LOOK_AGAIN_MS
    lastWake = now
    if (route) await tryRoute(route, telling)
    else if (sleeper) {
      const { rouse } = sleeper
      sleeper = undefined
      rouse(telling)
    } else await telling.settle(false) // it went while we looked
    return PAUSE_MS
  }

  async function tryRoute(route: WakeRoute, telling: Telling & { ids: string[] }): Promise<void> {
    for (const id of telling.ids) tried.add(id)
    let isReached = false
    try {
      isReached = await route.wake(`[mesh] ${telling.text}`)
    } catch (error) {
      on.log.info('an agent could not be woken', { route: route.name, error })
    }
    await telling.settle(isReached)
  }

  const run = async () => {
    while (!scope.signal.aborted) {
      const heard = bell.count
      const again = await look().catch((error: unknown) => {
        on.log.warn('could not look for mail to wake for', { error })
        return PAUSE_MS
      })
      await bell.wait(heard, again, scope.signal)
    }
  }
  void run()

  return {
    /** The agent does something: what comes now, its hooks will show it. A subagent may go on while its agent rests. */
    sign({ isSubagent = false } = {}): void {
      if (!isSubagent || lastSign !== Number.NEGATIVE_INFINITY) lastSign = clock.uptime()
    },
    /** The agent has ended its turn. */
    rests(): void {
      lastSign = Number.NEGATIVE_INFINITY
      bell.ring()
    },
    /** While a call waits for mail, nobody needs to be woken for it. */
    async whileWaiting<T>(wait: () => Promise<T>): Promise<T> {
      inboxWaits++
      try {
        return await wait()
      } finally {
        inboxWaits--
        bell.ring() // for what it did not take
      }
    },
    /** Resolves when there is something to wake the agent for; undefined when it goes, or a later one takes its place. */
    sleep(signal: AbortSignal): Promise<Telling | undefined> {
      sleeper?.rouse(undefined)
      return new Promise((resolve) => {
        const mine = {
          rouse(telling: Telling | undefined) {
            if (sleeper === mine) sleeper = undefined
            signal.removeEventListener('abort', onGone)
            resolve(telling)
          },
        }
        const onGone = () => mine.rouse(undefined)
        if (signal.aborted) return resolve(undefined)
        signal.addEventListener('abort', onGone, { once: true })
        sleeper = mine
        this.rests()
      })
    },
  }
}
