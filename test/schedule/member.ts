import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call, Life, Op } from './history.ts'
import { NotJoined, now, type Participant, startAgentPeer, startLibraryPeer } from './participants.ts'

export interface MemberOptions {
  readonly dir: string
  readonly name: string
  readonly kind: Life['kind']
  readonly env: Readonly<Record<string, string>>
}

/** A name on the mesh, over all the processes that stand behind it one after the other. */
export class Member {
  lives: Life[] = []
  refusedJoins: { peer: string; why: string; from: number; to: number }[] = []
  diedAlone: string[] = []
  stopped = false
  stderr = ''
  #child: ChildProcess | undefined
  #present: Promise<Participant>
  #count = 0
  #leaving = false

  constructor(readonly options: MemberOptions) {
    this.#present = this.#begin()
  }

  get name(): string {
    return this.options.name
  }

  /** Who stands behind the name now, or will in a moment. */
  get present(): Promise<Participant> {
    return this.#present
  }

  async #begin(): Promise<Participant> {
    const { kind, name } = this.options
    const start = kind === 'library' ? startLibraryPeer : startAgentPeer
    for (;;) {
      const life: Life = { peer: name, life: this.#count++, kind, from: now() }
      this.lives.push(life)
      let child: ChildProcess | undefined
      try {
        const onSpawn = (spawned: ChildProcess) => {
          this.#child = child = spawned
        }
        const onStderr = (text: string) => {
          this.stderr = (this.stderr + text).slice(-4_000)
        }
        const participant = await start({ ...this.options, onSpawn, onStderr })
        if (life.killedAt !== undefined) {
          // It was killed after it had said that it is ready, and before that was heard.
          await participant.ended
          life.endedAt = now()
          continue
        }
        life.ready = now()
        void participant.ended.then(() => this.#end(life))
        return participant
      } catch (error) {
        if (!(error instanceof NotJoined)) throw error
        if (child && child.exitCode === null && child.signalCode === null) await once(child, 'close')
        life.endedAt = now()
        if (life.killedAt === undefined)
          this.refusedJoins.push({ peer: name, why: error.message, from: life.from, to: life.endedAt })
        if (this.#leaving) throw error
        await sleep(50)
      }
    }
  }

  #end(life: Life): void {
    life.endedAt = now()
    if (life.killedAt !== undefined || this.#leaving) return
    this.diedAlone.push(`${this.name}/${life.life}: ${this.stderr}`)
    this.#present = this.#begin()
  }

  /** kill -9 of whatever process there is; after `downMs` another takes its place. Resolves then, having joined or not. */
  async kill(downMs: number): Promise<void> {
    const child = this.#child
    const life = this.lives.at(-1)
    if (!child || !life || life.killedAt !== undefined || child.exitCode !== null || child.signalCode !== null) return
    const hadJoined = life.ready !== undefined
    life.killedAt = now()
    const gone = once(child, 'close')
    child.kill('SIGKILL')
    this.stopped = false
    // Who was only starting tries again by itself.
    if (hadJoined) this.#present = gone.then(() => sleep(downMs)).then(() => this.#begin())
    await gone
  }

  /** Stops the process that there is; what is returned continues it. */
  stop(): (() => void) | undefined {
    const child = this.#child
    if (this.stopped || !child || child.exitCode !== null || child.signalCode !== null) return undefined
    this.stopped = true
    child.kill('SIGSTOP')
    return () => {
      if (this.#child === child) this.stopped = false
      child.kill('SIGCONT')
    }
  }

  /** Has it do something, and notes what came of it. */
  async do(call: Call, lane: number, ops: Op[]): Promise<Op> {
    for (;;) {
      const participant = await this.#present
      const life = this.lives.at(-1)?.life ?? 0
      const answer = await participant.call(call)
      // It was gone before it was asked: the next one is.
      if ('refused' in answer.outcome && answer.outcome.refused === 'dead') {
        await sleep(1)
        continue
      }
      const op: Op = { peer: this.name, life, lane, call, ...answer }
      ops.push(op)
      return op
    }
  }

  /** What happened before a schedule began is of no interest to it. */
  forget(): void {
    this.lives = this.lives.slice(-1)
    this.refusedJoins = []
    this.diedAlone = []
  }

  async leave(): Promise<void> {
    this.#leaving = true
    this.#child?.kill('SIGCONT')
    const participant = await Promise.race([this.#present.catch(() => undefined), sleep(10_000)])
    participant?.dismiss()
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 10_000)
    if (participant) await participant.ended
    else this.#child?.kill('SIGKILL')
    clearTimeout(timer)
  }
}
