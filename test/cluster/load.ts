import { join } from 'node:path'
import { MeshError } from '../../src/core/errors.ts'
import type { Caller } from '../../src/core/operations.ts'
import { eventually } from '../support/eventually.ts'
import { type Grant, problemsOf } from '../support/lock-history.ts'
import { type Machine, machine } from '../support/machine.ts'
import { createRepository } from '../support/repository.ts'

/**
 * Machines that write, lock and read without a pause while something happens to the servers; and what was promised to them,
 * to be held against what there is in the end.
 */
export interface Load extends Disposable {
  readonly machines: readonly Machine[]
  /** Stops, and counts. Call it once the servers are well. */
  settle(): Promise<LoadFigures>
  /** So many messages have been acknowledged. */
  acknowledged(): number
}

export interface LoadFigures {
  readonly acknowledged: number
  /** Sends that failed with an outcome that nobody could know. */
  readonly unknown: number
  readonly lost: number
  readonly duplicated: number
  /** Messages that never came to a reader that waited for them, with nothing but rings and its own waits. */
  readonly notPushed: number
  readonly grants: number
  readonly doubleHolders: number
  readonly lockProblems: readonly string[]
  /** The longest time that one send took. */
  readonly longestMs: number
}

export async function startLoad(url: string, env: Record<string, string>, writers: number): Promise<Load> {
  const machines: Machine[] = []
  for (let i = 0; i <= writers; i++) machines.push(await machine(url, { env: { ...env, SLM_MESH_HOST_NAME: `host-${i}` } }))
  const [home, ...others] = machines
  if (!home) throw new Error('no machine')
  const reader = await home.join({ name: 'reader' })
  const stop = new AbortController()
  const stopReading = new AbortController()
  const projectPath = createRepository('https://example.org/team/project')
  const filePath = join(projectPath, 'shared')
  const sent = new Set<string>()
  const unknown = new Set<string>()
  const received: string[] = []
  const history: Grant[] = []
  let longestMs = 0

  const isExpected = (error: unknown) =>
    error instanceof MeshError && ['unreachable', 'locked', 'busy', 'not_holder'].includes(error.code)

  async function send(caller: Caller, name: string): Promise<void> {
    for (let n = 0; !stop.signal.aborted; n++) {
      const message = `${name}-${n}`
      const begun = performance.now()
      try {
        await caller('message.send', { to: 'reader', message })
        sent.add(message)
      } catch (error) {
        if (!isExpected(error)) throw error
        unknown.add(message)
      }
      longestMs = Math.max(longestMs, performance.now() - begun)
    }
  }

  async function lock(caller: Caller, peer: string): Promise<void> {
    while (!stop.signal.aborted) {
      const from = performance.now()
      try {
        const { lock } = await caller('lock.acquire', { filePath, wait: 1 })
        const grant: Grant = { peer, token: lock?.token ?? 0, from, to: performance.now(), ttlMs: 600_000 }
        history.push(grant)
        for (;;)
          try {
            grant.releasedFrom ??= performance.now()
            await caller('lock.release', { filePath })
            grant.releasedBy = performance.now()
            break
          } catch (error) {
            if (!isExpected(error)) throw error
            if (error instanceof MeshError && error.code === 'not_holder') break // an earlier try was stored after all
          }
      } catch (error) {
        if (!isExpected(error)) throw error
      }
    }
  }

  /** Only its own waits: a wait looks when it is rung, and else every fifteen seconds. */
  async function read(caller: Caller): Promise<void> {
    while (!stopReading.signal.aborted) {
      const { messages } = await caller('message.inbox', { wait: 300, limit: 100 }, { signal: stopReading.signal }).catch(
        (error: unknown) => {
          if (!isExpected(error)) throw error
          return { messages: [] }
        },
      )
      for (const { payload } of messages) received.push(payload)
    }
  }

  const reading = read(home.caller(reader))
  const running: Promise<void>[] = []
  for (const [i, each] of others.entries()) {
    const actor = await each.join({ name: `writer-${i}`, projectPath })
    running.push(send(each.caller(actor), actor.name))
    running.push(lock(each.caller(actor), actor.name))
  }

  return {
    machines,
    acknowledged: () => sent.size,
    async settle() {
      stop.abort()
      await Promise.all(running)
      for (const { engine } of machines) {
        await eventually(() => engine.shared?.outage() === null)
        await engine.store.catchUp?.()
      }
      const stored = home.engine.database
        .read((sql) => sql.all<{ payload: string }>('SELECT payload FROM messages'))
        .map(({ payload }) => payload)
      const counts = new Map<string, number>()
      for (const payload of stored) counts.set(payload, (counts.get(payload) ?? 0) + 1)
      // Less than a wait takes to look again by itself: what has not been rung for does not come.
      const isRead = () => counts.size === new Set(received).size
      await eventually(isRead, { within: 10_000 }).catch(() => {})
      stopReading.abort()
      await reading
      const problems = problemsOf(history)
      return {
        acknowledged: sent.size,
        unknown: unknown.size,
        lost: [...sent].filter((payload) => !counts.has(payload)).length,
        duplicated: [...counts.values()].filter((count) => count > 1).length + (received.length - new Set(received).size),
        notPushed: [...sent].filter((payload) => !received.includes(payload)).length,
        grants: history.length,
        doubleHolders: problems.length,
        lockProblems: problems,
        longestMs: Math.round(longestMs),
      }
    },
    [Symbol.dispose]() {
      stop.abort()
      stopReading.abort()
      for (const each of machines) each[Symbol.dispose]()
    },
  }
}
