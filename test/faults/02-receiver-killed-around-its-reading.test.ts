import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { type Companion, companion } from '../support/companion.ts'
import { dataDir } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { report } from '../support/figures.ts'
import { patience, scaled } from '../support/scale.ts'
import { suspend } from '../support/suspend.ts'

const LIVES = scaled(8, 100)
const MAIL_PER_LIFE = 30
const PER_ANSWER = 2
const CANCELLATIONS = scaled(25, 500)
const UNLIMITED = { SLM_MESH_RATE: '0' }

const start = (dir: string, name: string) => Agent.start({ dir, env: { SLM_MESH_NAME: name, ...UNLIMITED } })
/** Not what the faults happen to: it need not be a process of its own. */
const startSender = (dir: string) => companion({ dir, name: 'sender', env: UNLIMITED })
const startClaude = (dir: string, session: string) =>
  Agent.start({ dir, client: 'claude-code', env: { CLAUDE_CODE_SESSION_ID: session, ...UNLIMITED } })

const inbox = async (agent: Agent): Promise<string[]> =>
  (await agent.call('message.inbox', { limit: 100 })).messages.map(({ payload }) => payload)

/** What the sender sees of its last message. */
const stateOfLast = async (sender: Companion) =>
  (await sender.call('message.inbox', { filter: 'sent', limit: 1 })).messages[0]?.state

/** Every answer with mail that has come out of the process, whether or not its client still wanted it. */
function mailOnTheWire(agent: Agent): string[][] {
  const answers: string[][] = []
  let rest = ''
  agent.child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const messages: { payload: string }[] | undefined = JSON.parse(line).result?.structuredContent?.messages
      if (messages && messages.length > 0) answers.push(messages.map(({ payload }) => payload))
    }
  })
  return answers
}

test('mail for a receiver that is killed before it looks waits for its next session', async () => {
  const dir = dataDir()
  await using sender = await startSender(dir)
  await using first = await startClaude(dir, 'session-1')
  const to = await first.name()
  await suspend(first)
  const { recipients } = await sender.call('message.send', { to, message: 'rung, never read' })
  expect(recipients).toMatchObject([{ away: false }])
  await first.kill()
  await using second = await startClaude(dir, 'session-1')
  expect(await second.name()).toBe(to)
  expect(await inbox(second)).toEqual(['rung, never read'])
  expect(await inbox(second)).toEqual([])
})

test('mail in an answer that never left is unread for the next session', async () => {
  const dir = dataDir()
  await using sender = await startSender(dir)
  await using first = await start(dir, 'receiver')
  const isSet = (key: string) => eventually(async () => (await sender.call('state.get', { key })).entry?.value === 'done')

  // Nobody takes what the receiver writes: answers pile up behind those that fill the pipe.
  await sender.call('message.send', { to: 'receiver', message: 'x'.repeat(60_000) })
  expect(await inbox(first)).toHaveLength(1)
  first.child.stdout?.pause()
  const stuck: Promise<unknown>[] = []
  for (let i = 0; i < 12; i++) stuck.push(first.call('message.inbox', { filter: 'all' }))
  stuck.push(first.call('state.set', { key: 'filled', value: 'done' }))
  await isSet('filled')

  await sender.call('message.send', { to: 'receiver', message: 'read, never answered' })
  const reading = first.call('message.inbox', {})
  stuck.push(reading, first.call('state.set', { key: 'read', value: 'done' }))
  const ended = Promise.allSettled(stuck)
  await isSet('read') // calls begin in their order: the inbox was read, and its answer waits
  expect(await stateOfLast(sender)).toBe('queued')
  first.child.kill('SIGKILL')
  await once(first.child, 'exit')
  first.child.stdout?.resume()
  await ended
  await expect(reading).rejects.toThrow()

  await using second = await start(dir, 'receiver')
  expect(await inbox(second)).toEqual(['read, never answered'])
  expect(await inbox(second)).toEqual([])
})

test('mail in an answer that left is not told again to the next session', async () => {
  const dir = dataDir()
  await using sender = await startSender(dir)
  await using first = await startClaude(dir, 'session-2')
  const to = await first.name()
  await sender.call('message.send', { to, message: 'read and answered' })
  expect(await inbox(first)).toEqual(['read and answered'])
  await eventually(async () => (await stateOfLast(sender)) === 'seen')
  await first.kill()
  await using second = await startClaude(dir, 'session-2')
  expect(await second.name()).toBe(to)
  expect(await second.text('mesh_status')).not.toContain('[mesh]')
  expect(await inbox(second)).toEqual([])
})

test(
  'a receiver killed at random moments of its reading is shown every message, in order, and again only what its last answers carried',
  async () => {
    const dir = dataDir()
    await using sender = await startSender(dir)
    const shown: string[] = []
    const sent: string[] = []
    let again = 0
    const nextLife = async (answers: number) => {
      await using receiver = await start(dir, 'receiver')
      const wire = mailOnTheWire(receiver)
      const batch = Array.from({ length: answers === 0 ? 0 : MAIL_PER_LIFE }, (_, i) => `${sent.length + i}`)
      sent.push(...batch)
      await Promise.all(batch.map((message) => sender.call('message.send', { to: 'receiver', message })))
      const reading = (async () => {
        while ((await receiver.call('message.inbox', { limit: answers === 0 ? 100 : PER_ANSWER })).messages.length > 0);
      })().catch(() => {}) // killed
      if (answers > 0) {
        await eventually(() => wire.length >= answers, { every: 1 })
        await sleep(Math.random() * 3) // not to synchronise: the moment is to be a random one
        await receiver.kill()
      }
      await reading
      const told = wire.flat()
      const fresh = told.filter((message) => !shown.includes(message))
      const repeated = told.length - fresh.length
      // Shown again may be what the last answer of the life before carried, and before anything new.
      expect(repeated).toBeLessThanOrEqual(PER_ANSWER)
      expect(told).toEqual([...shown.slice(shown.length - repeated), ...fresh])
      shown.push(...fresh)
      again += repeated
    }
    for (let life = 0; life < LIVES; life++) await nextLife(randomInt(1, MAIL_PER_LIFE / PER_ANSWER))
    await nextLife(0)
    expect(shown).toEqual(sent)
    report(2, {
      load: 'a receiver killed while it reads',
      injected: LIVES,
      acknowledged: sent.length,
      lost: sent.filter((message) => !shown.includes(message)).length,
      more: `${again} shown again, whose answer had not arrived`,
    })
  },
  patience(30_000),
)

test(
  'cancelled waits swallow no mail: it comes out in an answer or stays unread',
  async () => {
    const dir = dataDir()
    await using sender = await startSender(dir)
    await using receiver = await start(dir, 'receiver')

    const early = new AbortController()
    const waiting = receiver.call('message.inbox', { wait: 60 }, { signal: early.signal })
    const cancelled = expect(waiting).rejects.toThrow()
    await receiver.name() // calls begin in their order: the wait has begun
    early.abort()
    await cancelled
    await receiver.name() // and now it has ended
    await sender.call('message.send', { to: 'receiver', message: 'after the cancellation' })
    expect(await inbox(receiver)).toEqual(['after the cancellation'])

    const expected: string[] = []
    const heard: string[] = []
    for (let i = 0; i < CANCELLATIONS; i++) {
      const message = `race ${i}`
      expected.push(message)
      const race = new AbortController()
      const outcome = receiver.call('message.inbox', { wait: 60 }, { signal: race.signal }).then(
        ({ messages }) => heard.push(...messages.map(({ payload }) => payload)),
        () => {}, // cancelled
      )
      const sending = sender.call('message.send', { to: 'receiver', message })
      await sleep(Math.random() * 6) // not to synchronise: either may come first
      race.abort()
      await sending
      await outcome
    }
    const byWait = heard.length
    // A cancelled answer that is still on its way holds its mail back for a moment.
    const swallowed = () => expected.filter((message) => !heard.includes(message))
    await eventually(async () => {
      heard.push(...(await inbox(receiver)))
      return swallowed().length === 0
    })
    await eventually(async () => (await stateOfLast(sender)) === 'seen')
    await eventually(async () => (await inbox(receiver)).length === 0)
    report(2, {
      load: 'waits cancelled around a message',
      injected: CANCELLATIONS,
      acknowledged: expected.length,
      lost: swallowed().length,
      more: `${byWait} messages came first`,
    })
  },
  patience(30_000),
)
