import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bell } from '../../src/core/bell.ts'
import { Claims } from '../../src/core/claims.ts'
import { inboxOperations } from '../../src/core/inbox.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Message } from '../../src/core/message.ts'
import type { Context } from '../../src/core/operation.ts'
import { Scope } from '../../src/core/scope.ts'
import { createMailbox, type MailOwner, type Telling } from '../../src/mcp/mailbox.ts'
import { startWaking, type WakeRoute } from '../../src/mcp/waking.ts'

/**
 * Whatever routes are under way at once, and whichever of them fail: no message is told of twice, shown twice, or told of
 * after it was shown; and what no route has brought is still there to be read.
 */

const me = { id: 'p_me', name: 'me', agentType: 'claude-code' }
const other = { id: 'p_other', name: 'other', agentType: 'codex' }

interface Stored extends Message {
  told: number
  shown: number
  /** Shown because the agent asked. */
  wasRead: boolean
}

/** A mailbox in memory; each of its steps takes place when the scheduler says so. */
function memory(s: fc.Scheduler) {
  const mail: Stored[] = []
  const faults: string[] = []
  const step = async <T>(run: () => T): Promise<T> => {
    await s.schedule(Promise.resolve())
    return run()
  }
  const seenBy =
    (way: 'hook' | 'reading') =>
    (ids: readonly string[], seen = true) =>
      step(() => {
        for (const m of mail.filter(({ id }) => seen && ids.includes(id))) {
          if (m.shown++ > 0) faults.push(`${m.payload} shown twice`)
          m.wasRead = way === 'reading'
          m.state = 'seen'
          m.readAt = 'now'
        }
      })
  const messages: MailOwner['store']['messages'] = {
    untold: (_, limit) =>
      step(() =>
        mail
          .filter((m) => m.state === 'queued')
          .slice(0, limit)
          .map(({ id, from, priority }) => ({ id, from: from.name, priority })),
      ),
    unread: (_peer, _only, limit) =>
      step(() =>
        mail
          .filter((m) => m.readAt === null)
          .slice(0, limit)
          .map((m) => ({ ...m })),
      ),
    markNotified: (ids, route) =>
      step(() => {
        for (const m of mail.filter(({ id }) => ids.includes(id))) {
          if (m.told++ > 0) faults.push(`${m.payload} told twice, now by ${route}`)
          // Whoever reads the inbox may find what a line on its way tells of; a hook waits for that line.
          if (m.shown > 0 && !m.wasRead) faults.push(`${m.payload} told after it was shown, by ${route}`)
          if (m.state === 'queued') m.state = 'notified'
        }
      }),
    markSeen: seenBy('hook'),
  }
  const arrive = (priority: Message['priority']) => {
    const n = mail.length
    mail.push({
      id: `m_${n}`,
      from: other,
      to: me,
      type: 'text',
      priority,
      payload: `mail ${n}`,
      createdAt: new Date(0).toISOString(),
      deliveredAt: null,
      readAt: null,
      state: 'queued',
      replyTo: null,
      thread: `m_${n}`,
      told: 0,
      shown: 0,
      wasRead: false,
    })
  }
  const reading = { ...messages, markSeen: seenBy('reading') }
  return { mail, faults, messages, reading, arrive, step }
}

const act = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('arrive' as const), priority: fc.constantFrom('urgent', 'normal', 'low') }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('show', 'notice', 'inbox', 'sleep'), left: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('later', 'rest', 'work') }) },
)
const routes = fc.record({ isOpen: fc.boolean(), isSure: fc.boolean(), fails: fc.boolean() })

test('nothing is told twice, shown twice, or lost, however the routes cross', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(act, { minLength: 1, maxLength: 25 }), routes, async (s, acts, door) => {
      const store = memory(s)
      const owner = { self: { ...me, projectPath: '/', gitRoot: null, repo: null }, carrying: new Claims(), store }
      const bell = new Bell()
      let now = 0
      const scope = new Scope()
      const mailbox = createMailbox({ ...owner, store: { messages: store.messages } })
      const pushes: string[] = []
      const route: WakeRoute = {
        name: 'door',
        isOpen: () => door.isOpen,
        wake: (text) =>
          store.step(() => {
            if (door.fails) throw new Error('shut')
            pushes.push(text)
            return door.isSure
          }),
      }
      const clock = { now: () => now, uptime: () => now, bootId: 'b' }
      const waking = startWaking(scope, { mailbox, bell, clock, log: silentLog, routes: [route] })

      const settled = async (telling: Telling | undefined, left: boolean) => {
        if (!telling) return
        await store.step(() => {})
        await telling.settle(left)
      }
      const readInbox = async (left: boolean) => {
        const after: ((left: boolean) => Promise<void>)[] = []
        const context = {
          ...{
            actor: owner.self,
            store: { messages: store.reading },
            clock,
            bell,
            signal: scope.signal,
            carrying: owner.carrying,
          },
          ...{ afterAnswer: (run: (left: boolean) => Promise<void>) => void after.push(run), spend: () => {} },
          defaults: { lockTtlMinutes: 10 },
        } as unknown as Context // only what reading an inbox leans on
        await inboxOperations['message.inbox'].run(context, { filter: 'unread', limit: 20, wait: 0 })
        await store.step(() => {})
        for (const run of after) await run(left)
      }
      const doings = acts.map(async (one) => {
        await s.schedule(Promise.resolve())
        switch (one.do) {
          case 'arrive':
            store.arrive(one.priority)
            return bell.ring()
          case 'show':
            return settled(await mailbox.show('hook', ({ priority }) => priority !== 'low'), one.left)
          case 'notice':
            return settled(await mailbox.tell('notice'), one.left)
          case 'inbox':
            return readInbox(one.left)
          case 'sleep': {
            // Nobody waits for it: it may sleep until the end.
            void waking.sleep(scope.signal).then((telling) => settled(telling, one.left))
            return
          }
          case 'later':
            now += 10_000
            return bell.ring()
          case 'rest':
            return waking.rests()
          case 'work':
            return waking.sign()
        }
      })
      await s.waitFor(Promise.all(doings))
      await s.waitIdle()

      expect(store.faults).toEqual([])
      // At the end everything is free again, and one reading brings what is left.
      expect(owner.carrying.size).toBe(0)
      await s.waitFor(readInbox(true))
      await s.waitFor(readInbox(true))
      expect(store.faults).toEqual([])
      expect(store.mail.filter((m) => m.shown !== 1)).toEqual([])
      const ending = scope[Symbol.asyncDispose]()
      await s.waitFor(ending)
    }),
    { numRuns: 300 },
  )
})
