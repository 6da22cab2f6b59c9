import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, ToolError } from '../support/agent.ts'
import { meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import type { Call, Outcome } from './history.ts'
import { operationOf, refusedWith, toldBy } from './operations.ts'

/** One process on the mesh, as a schedule drives it: a program that uses the library, or a real MCP server. */
export interface Participant {
  readonly pid: number
  /** Resolves when its end has been seen, and all that it had said has been heard. */
  readonly ended: Promise<unknown>
  /** Never rejects. */
  call(call: Call): Promise<Answer>
  signal(signal: NodeJS.Signals): void
  /** Moves its wall clock to so much before or behind the machine's. */
  jump(ms: number): void
  /** Has it collect its garbage. */
  settle(): Promise<unknown>
  /** Its standard input ends: it is to leave. */
  dismiss(): void
}

interface Answer {
  readonly from: number
  readonly to: number
  readonly outcome: Outcome
}

/** The machine's monotonic clock, in ms. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Why a process did not get as far as joining. */
export class NotJoined extends Error {}

/** A process that does not answer, and has not ended by then, hangs. */
const LOST_WITHIN_MS = 30_000

const PROGRAM = new URL('../programs/take-part.mjs', import.meta.url).pathname
/**
 * Garbage is collected when the test says so. How large V8 makes the place for new objects, two to three times 16 MB after a busy
 * time, is not what a process keeps: here it stays small.
 */
const MEASURABLE = ['--expose-gc', '--max-semi-space-size=1']
const COLLECTOR = new URL('../programs/collect-when-told.mjs', import.meta.url).pathname

export interface Start {
  readonly dir: string
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** Told of the process as soon as there is one, so that it can be killed while it starts. */
  readonly onSpawn: (child: ChildProcess) => void
  readonly onStderr: (text: string) => void
}

interface Line {
  id?: number
  ready?: string
  failed?: string
  from: number
  to: number
  output?: object
  code?: string
  facts?: object
}

/** Starts a program that joins by the library. Rejects with `NotJoined`. */
export async function startLibraryPeer({ dir, name, env, onSpawn, onStderr }: Start): Promise<Participant> {
  const child = spawn(process.execPath, [...MEASURABLE, PROGRAM], {
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir, { SLM_MESH_NAME: name, ...env }) },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onSpawn(child)
  child.stdin.on('error', () => {})
  child.stderr.setEncoding('utf8').on('data', onStderr)
  const waiting = new Map<number, { call?: Call; from: number; resolve: (answer: Answer) => void }>()
  let count = 0
  const ended = new Promise((resolve) => child.once('close', resolve)).then(() => {
    const to = now()
    for (const { from, resolve } of waiting.values()) resolve({ from, to, outcome: { unknown: true } })
    waiting.clear()
  })
  const ask = (question: object, call?: Call) =>
    new Promise<Answer>((resolve) => {
      const id = count++
      const from = now()
      if (child.exitCode !== null || child.signalCode !== null) return resolve({ from, to: from, outcome: { refused: 'dead' } })
      waiting.set(id, { ...(call && { call }), from, resolve })
      child.stdin.write(`${JSON.stringify({ id, ...question })}\n`)
    })
  const begun = new Promise<void>((resolve, reject) => {
    void ended.then(() => reject(new NotJoined('killed')))
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line: Line = JSON.parse(text)
      if (line.ready !== undefined) return line.ready === name ? resolve() : reject(new NotJoined(`renamed ${line.ready}`))
      if (line.failed !== undefined) return reject(new NotJoined(line.failed))
      const asked = line.id === undefined ? undefined : waiting.get(line.id)
      if (!asked || line.id === undefined) return
      waiting.delete(line.id)
      const { from, to, code, facts, output } = line
      const { call } = asked
      const outcome = !call ? { ok: {} } : code === undefined ? { ok: toldBy(call, output) } : refusedWith(call, code, facts)
      asked.resolve({ from, to, outcome })
    })
  })
  await begun
  return {
    pid: child.pid ?? 0,
    ended,
    call(call) {
      const [operation, input] = operationOf(call)
      return ask({ name: operation, input }, call)
    },
    signal: (signal) => void child.kill(signal),
    jump: (jumpMs) => void child.stdin.write(`${JSON.stringify({ jumpMs })}\n`),
    settle: () => ask({ settle: true }),
    dismiss: () => void child.stdin.end(),
  }
}

/** Starts a real MCP server with its client. Rejects with `NotJoined` where it was killed meanwhile. */
export async function startAgentPeer({ dir, name, env, onSpawn, onStderr }: Start): Promise<Participant> {
  const command = [process.execPath, ...MEASURABLE, '--import', COLLECTOR]
  const agent = await Agent.connect({ dir, cwd: '/', command, env: { SLM_MESH_NAME: name, ...env }, onSpawn }).catch((error) => {
    throw new NotJoined(String(error))
  })
  agent.child.stderr?.on('data', (chunk) => onStderr(String(chunk)))
  const collections = () => agent.stderr.split('collected\n').length
  const ended = agent.exited
  let isGone = false
  void ended.then(() => {
    isGone = true
  })
  const call: Participant['call'] = async (call) => {
    const [operation, input] = operationOf(call)
    const from = now()
    if (isGone) return { from, to: from, outcome: { refused: 'dead' } }
    try {
      const output = await agent.call(operation, input as never) // made for that operation by operationOf
      return { from, to: now(), outcome: { ok: toldBy(call, output) } }
    } catch (error) {
      const to = now()
      if (error instanceof ToolError) return { from, to, outcome: refusedWith(call, error.code, error.facts) }
      // The client lost its server: whether it happened is not known.
      const isOver = await Promise.race([ended.then(() => true), sleep(LOST_WITHIN_MS).then(() => false)])
      if (!isOver) throw new Error(`${name} lives, and does not answer ${operation}`, { cause: error })
      return { from, to: now(), outcome: { unknown: true } }
    }
  }
  // Joined where it can say who it is.
  const who = await agent.call('peer.list', {}).catch((error: unknown) => {
    if (!(error instanceof ToolError)) throw new NotJoined('killed')
    agent.child.kill('SIGKILL')
    throw new NotJoined(error.code)
  })
  if (who.self.name !== name) throw new NotJoined(`renamed ${who.self.name}`)
  return {
    ...{ pid: agent.pid, ended, call },
    signal: (signal) => void agent.child.kill(signal),
    jump: () => {},
    async settle() {
      const before = collections()
      agent.child.kill('SIGUSR2')
      await eventually(() => collections() > before)
    },
    dismiss: () => void agent.child.stdin?.end(),
  }
}
