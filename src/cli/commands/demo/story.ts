import { join } from 'node:path'
import { monotonicMs } from '../../../core/clock.ts'
import { sleep } from '../../../core/scope.ts'
import type { Session } from './session.ts'

/** What the demo shows, in the order in which it is told. Each step does the thing and says what it saw. */

export interface Mesh {
  sessions: Session[]
  readonly start: (agent: string) => Promise<Session>
  readonly health: string
  readonly project: string
  /** What was measured, in milliseconds. */
  readonly figures: Record<string, number>
}

export interface Step {
  readonly title: string
  run(mesh: Mesh): Promise<string[]>
}

const AGENTS = ['claude-code', 'codex-mcp-client', 'gemini-cli-mcp-client'] as const

function check(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}

function three(mesh: Mesh): [Session, Session, Session] {
  const [a, b, c] = mesh.sessions
  check(a !== undefined && b !== undefined && c !== undefined, 'three sessions are needed')
  return [a, b, c]
}

const ms = (since: number) => Math.round((monotonicMs() - since) * 10) / 10

export const steps: Step[] = [
  {
    title: 'Three agents start, and find each other by name',
    async run(mesh) {
      for (const agent of AGENTS) mesh.sessions.push(await mesh.start(agent))
      const lines: string[] = []
      for (const session of mesh.sessions) {
        const { data } = await session.must('mesh_peers')
        const others = data.peers.map((peer: { name: string }) => peer.name).sort()
        const expected = mesh.sessions
          .filter((s) => s !== session)
          .map((s) => s.name)
          .sort()
        check(others.join() === expected.join(), `${session.name} sees ${others}, not ${expected}`)
        lines.push(
          `\`${session.name}\` is ${data.self.agentType} (pid ${session.pid}) and sees ${others.map((n: string) => `\`${n}\``).join(' and ')}`,
        )
      }
      return lines
    },
  },

  {
    title: 'One asks another, and waits for the reply',
    async run(mesh) {
      const [a, b] = three(mesh)
      const question = 'I am changing the users table. Do you rely on users.email?'
      const listening = b.must('mesh_inbox', { wait: 20 })
      const startedAt = monotonicMs()
      const sent = await a.must('mesh_send', { to: b.name, message: question })
      const { data: heard } = await listening
      mesh.figures.delivery_ms = ms(startedAt)
      check(heard.messages[0]?.payload === question, `${b.name} read something else`)
      const waiting = a.must('mesh_inbox', { wait: 20 })
      await b.must('mesh_send', {
        to: a.name,
        message: 'Yes, in the sign-up form. Give me a minute.',
        replyTo: sent.data.messageId,
      })
      const { data: reply } = await waiting
      check(reply.messages[0]?.replyTo === sent.data.messageId, 'the reply did not come')
      const { data: followed } = await a.must('mesh_inbox', { filter: 'sent' })
      check(followed.messages[0]?.state === 'acked', `the sender sees ${followed.messages[0]?.state}`)
      return [
        `\`${a.name}\` → \`${b.name}\`: ${question}`,
        `\`${b.name}\` → \`${a.name}\`: ${reply.messages[0].payload}`,
        `delivered in \`${mesh.figures.delivery_ms} ms\`; the sender can see that it was read and answered`,
      ]
    },
  },

  {
    title: 'One tells everybody',
    async run(mesh) {
      const [a, b, c] = three(mesh)
      const { data } = await c.must('mesh_send', {
        to: 'all',
        message: 'Main is red: do not merge.',
        type: 'alert',
        priority: 'urgent',
      })
      check(data.messageIds.length === 2, `it reached ${data.messageIds.length}`)
      for (const session of [a, b]) {
        const inbox = await session.must('mesh_inbox')
        check(inbox.data.messages[0]?.from.name === c.name, `${session.name} did not get it`)
      }
      return [`\`${c.name}\` → all: Main is red: do not merge.`, `\`${a.name}\` and \`${b.name}\` have read it`]
    },
  },

  {
    title: 'They share state, and nobody overwrites what they have not seen',
    async run(mesh) {
      const [a, b] = three(mesh)
      const made = await a.must('mesh_state', { action: 'set', key: 'api-port', value: '3000', ifVersion: 0 })
      const version = made.data.entry.version
      const stale = await b.call('mesh_state', { action: 'set', key: 'api-port', value: '4000', ifVersion: 0 })
      check(stale.isError, 'a blind write went through')
      const read = await b.must('mesh_state', { action: 'get', key: 'api-port' })
      check(read.data.entry.value === '3000' && read.data.entry.version === version, 'the value was not shared')
      const set = await b.must('mesh_state', { action: 'set', key: 'api-port', value: '4000', ifVersion: version })
      return [
        `\`${a.name}\` sets api-port = 3000 (version ${version})`,
        `\`${b.name}\` tries without looking: refused (${stale.text.split('. ')[0]})`,
        `\`${b.name}\` looks, and sets 4000 (version ${set.data.entry.version})`,
      ]
    },
  },

  {
    title: 'Two want one file: one waits in line, and gets it at once',
    async run(mesh) {
      const [a, b] = three(mesh)
      const filePath = join(mesh.project, 'src/users.ts')
      await a.must('mesh_lock', { action: 'lock', filePath, reason: 'renaming email' })
      const refused = await b.call('mesh_lock', { action: 'lock', filePath })
      check(refused.isError, 'two hold one lock')
      let releasedAt = 0
      const waiting = b.must('mesh_lock', { action: 'lock', filePath, wait: 20 }).then((answer) => {
        mesh.figures.lock_handover_ms = ms(releasedAt)
        return answer
      })
      await standsInLine(mesh, filePath)
      releasedAt = monotonicMs()
      await a.must('mesh_lock', { action: 'unlock', filePath })
      const { data } = await waiting
      check(data.lock.lockedBy.name === b.name, 'somebody else got it')
      return [
        `\`${a.name}\` locks src/users.ts`,
        `\`${b.name}\` is refused: ${refused.text.split('. ')[0]?.replace(`${mesh.project}/`, '')}`,
        `\`${b.name}\` waits; \`${a.name}\` unlocks; \`${b.name}\` holds it \`${mesh.figures.lock_handover_ms} ms\` later (token ${data.lock.token})`,
      ]
    },
  },

  {
    title: 'One subscribes to events, and is told',
    async run(mesh) {
      const [a, , c] = three(mesh)
      await c.must('mesh_events', { action: 'subscribe', types: ['state_changed', 'x_build'] })
      await a.must('mesh_state', { action: 'set', key: 'schema', value: '2' })
      await a.must('mesh_events', { action: 'emit', types: ['x_build'], payload: { ok: true } })
      const { data: told } = await c.must('mesh_status')
      check(typeof told.notice === 'string' && told.notice.includes('2 new events'), `${c.name} was not told: ${told.notice}`)
      const { data } = await c.must('mesh_events', { action: 'read' })
      const types = data.events.map((event: { type: string }) => event.type)
      check(types.join() === 'state_changed,x_build', `${c.name} read ${types}`)
      return [`\`${c.name}\` asks for something else, and is told beside it: ${told.notice}`, `it reads ${types.join(' and ')}`]
    },
  },

  {
    title: 'The leader is killed with -9, and the others carry on',
    async run(mesh) {
      const { data: before } = await three(mesh)[0].must('mesh_status')
      const leader = mesh.sessions.find((session) => session.pid === before.leader.pid)
      const [one, other] = mesh.sessions.filter((session) => session !== leader)
      check(leader !== undefined && one !== undefined && other !== undefined, 'the leader is none of the three')
      await leader.must('mesh_lock', { action: 'lock', filePath: join(mesh.project, 'held-by-the-leader') })

      // From here on, and not from when its process comes to read the call: the crash may be known before.
      const { data: seen } = await one.must('mesh_events', { action: 'read', types: ['peer_left'] })
      const noticed = one.must('mesh_events', { action: 'read', types: ['peer_left'], since: seen.cursor, wait: 20 })
      const startedAt = monotonicMs()
      leader.child.kill('SIGKILL')
      const [left, healthy] = await Promise.all([
        noticed.then((answer) => ({ answer, after: ms(startedAt) })),
        newTerm(mesh.health, before.leader.term).then((body) => ({ body, after: ms(startedAt) })),
        other.must('mesh_send', { to: one.name, message: 'still here?' }),
      ])
      const event = left.answer.data.events[0]
      check(event?.payload.name === leader.name && event.payload.reason === 'crashed', 'the crash was not noticed')
      const { data: locks } = await one.must('mesh_lock', { action: 'query', filePath: join(mesh.project, 'held-by-the-leader') })
      check(locks.locks.length === 0, 'the dead still hold a lock')
      await one.must('mesh_inbox')
      await one.must('mesh_send', { to: leader.name, message: 'You crashed. The email change is yours when you are back.' })
      mesh.figures.crash_detected_ms = left.after
      mesh.figures.failover_ms = healthy.after
      const { data: after } = await one.must('mesh_status')
      return [
        `\`${leader.name}\` led in term ${before.leader.term}; its process is gone`,
        `crash noticed, locks freed and the others told after \`${left.after} ms\``,
        `\`${after.leader.name}\` leads in term ${after.leader.term}; /health answers after \`${healthy.after} ms\``,
        `meanwhile \`${other.name}\` → \`${one.name}\` went through as ever`,
      ]
    },
  },

  {
    title: 'The killed session comes back, with its name and its mail',
    async run(mesh) {
      const dead = mesh.sessions.find((session) => session.child.signalCode !== null)
      check(dead !== undefined, 'nobody was killed')
      const back = await mesh.start(dead.options.agent)
      mesh.sessions = mesh.sessions.map((session) => (session === dead ? back : session))
      check(back.name === dead.name, `it came back as ${back.name}, not ${dead.name}`)
      const { data } = await back.must('mesh_inbox')
      check(data.messages.length === 1, `it found ${data.messages.length} messages`)
      return [
        `\`${back.name}\` is back (pid ${back.pid}) and reads what it missed:`,
        `"${data.messages[0].payload}" — \`${data.messages[0].from.name}\``,
      ]
    },
  },
]

/** Until the waiting one stands in line: a third who asks is told that somebody has waited longer. */
async function standsInLine(mesh: Mesh, filePath: string): Promise<void> {
  const [, b, c] = three(mesh)
  for (let i = 0; i < 1_000; i++) {
    const { text } = await c.call('mesh_lock', { action: 'lock', filePath })
    if (text.includes(`${b.name} has waited`)) return
    await sleep(2, undefined, true)
  }
  throw new Error(`${b.name} never stood in line`)
}

/** Undefined where it is not well, or does not say so within a second: one that dies in its answer may leave us to wait for ever. */
async function healthOf(url: string): Promise<unknown> {
  const over = new AbortController()
  const answer = fetch(url, { signal: over.signal }).then((response) => (response.ok ? response.json() : undefined))
  try {
    return await Promise.race([answer, sleep(1_000, over.signal, true).then(() => undefined)])
  } finally {
    over.abort()
    answer.catch(() => {})
  }
}

/** The answer of `/health` once it comes from a later term. */
async function newTerm(url: string, term: number): Promise<{ term: number }> {
  const deadline = monotonicMs() + 20_000
  while (monotonicMs() < deadline) {
    try {
      const body = await healthOf(url)
      if (typeof body === 'object' && body !== null && 'term' in body && Number(body.term) > term)
        return { term: Number(body.term) }
    } catch {
      // Nobody listens at the moment.
    }
    await sleep(1, undefined, true)
  }
  throw new Error('no new leader answered within 20 s')
}
