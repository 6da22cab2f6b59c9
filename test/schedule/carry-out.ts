import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import type { SmallDisk } from '../support/full-disk.ts'
import { servingLeader } from '../support/health.ts'
import { inFile, integrity, leaderRow } from '../support/mesh-file.ts'
import type { Call, Event, History, Injected, Op, Told } from './history.ts'
import { Member } from './member.ts'
import { now } from './participants.ts'
import { type Fault, KEYS, LEADER, PATHS, type Plan, type Step } from './plan.ts'

/** Carries out plans with real processes, and notes what they were told. */

/** Shorter than a user's, so that a schedule of seconds sees peers turn stale, be given up, and leaders be replaced. */
const DEAD_MS = 2_000
const SETTINGS = {
  ...{ SLM_MESH_HEARTBEAT_MS: '300', SLM_MESH_STALE_MS: '900', SLM_MESH_DEAD_MS: String(DEAD_MS) },
  ...{ SLM_MESH_LEASE_MS: '3000', SLM_MESH_RATE: '0' },
  // Longer than a member's clock is ever off: what one sends whose clock is a day behind is not old.
  ...{ SLM_MESH_MESSAGE_TTL_H: '72', SLM_MESH_EVENT_TTL_H: '96' },
}
const TRIES = 5
const SETTLE_WITHIN_MS = 30_000

export interface World extends AsyncDisposable {
  readonly dir: string
  readonly members: readonly Member[]
  readonly disk: SmallDisk | undefined
  /** How many schedules it has seen: each has keys of its own. */
  rounds: number
}

export async function startWorld(options: {
  dir: string
  disk?: SmallDisk
  libraries: readonly string[]
  agents: readonly string[]
}): Promise<World> {
  const { dir, disk, libraries, agents } = options
  const start = (kind: 'library' | 'agent') => (name: string) => new Member({ dir, name, kind, env: SETTINGS })
  const members = [...libraries.map(start('library')), ...agents.map(start('agent'))]
  const world = {
    ...{ dir, disk, members, rounds: 0 },
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.leave()))
    },
  }
  await Promise.all(members.map(({ present }) => present))
  return world
}

export async function carryOut(world: World, plan: Plan): Promise<History> {
  const { dir, members } = world
  const round = world.rounds++
  const since = counts(dir)
  for (const member of members) member.forget()
  const ops: Op[] = []
  const injected: Injected[] = []
  const ending = new AbortController()
  setMaxListeners(0, ending.signal)
  const until = now() + plan.durationMs
  const lanes = plan.peers.flatMap(({ name, lanes }) => {
    const member = members.find((each) => each.name === name)
    if (!member) throw new Error(`the plan names a stranger: ${name}`)
    const doer = new Doer(member, ops, round, since.seq)
    return lanes.map((steps, lane) => doer.goThrough(steps, lane, until))
  })
  const faults = plan.faults.map((fault) => inject(world, fault, injected, ending.signal))
  await sleep(plan.durationMs)
  ending.abort()
  await Promise.all(faults)
  await Promise.all(lanes)
  await settle(world, ops, round)

  const servedBy = await eventually(() => servingLeader(dir), { within: SETTLE_WITHIN_MS }).catch(() => undefined)
  const leader = leaderRow(dir)
  return {
    seed: plan.seed,
    deadMs: DEAD_MS,
    peers: members.map(({ name }) => name),
    ops,
    lives: members.flatMap(({ lives }) => lives),
    faults: injected,
    refusedJoins: members.flatMap(({ refusedJoins }) => refusedJoins),
    diedAlone: members.flatMap(({ diedAlone }) => diedAlone),
    ...collect(dir, since),
    end: { integrity: integrity(dir), ...standing(dir), leader: servedBy ? leader.peer_name : null },
  }
}

/** What one peer does: the steps of its lanes become calls. */
class Doer {
  #texts = 0
  #cursor: number

  constructor(
    readonly member: Member,
    readonly ops: Op[],
    readonly round: number,
    since: number,
  ) {
    this.#cursor = since
  }

  async goThrough(steps: readonly Step[], lane: number, until: number): Promise<void> {
    for (const step of steps) {
      await sleep(step.after)
      if (now() >= until) return
      await this.#take(step, lane)
    }
  }

  async #do(call: Call, lane: number): Promise<Told | undefined> {
    const { outcome } = await this.member.do(call, lane, this.ops)
    return 'ok' in outcome ? outcome.ok : undefined
  }

  async #take(step: Step, lane: number): Promise<void> {
    switch (step.act) {
      case 'send': {
        const texts = Array.from({ length: step.burst }, () => this.#text())
        await Promise.all(texts.map((text) => this.#do({ do: 'send', to: step.to, text }, lane)))
        return
      }
      case 'read':
        return void (await this.#do({ do: 'read', limit: step.limit, wait: step.wait }, lane))
      case 'follow': {
        const told = await this.#do({ do: 'follow', since: this.#cursor, limit: step.limit, wait: step.wait }, lane)
        this.#cursor = told?.events?.at(-1) ?? this.#cursor
        return
      }
      case 'lock': {
        const got = await this.#do({ do: 'lock', path: step.path, wait: step.wait }, lane)
        if (!got) return
        await sleep(step.holdMs)
        if (!step.keep) await this.#do({ do: 'unlock', path: step.path }, lane)
        return
      }
      case 'unlock':
      case 'query':
        return void (await this.#do({ do: step.act, path: step.path }, lane))
      case 'announce':
        return void (await this.#do({ do: 'announce', note: this.#text() }, lane))
      case 'get':
        return void (await this.#do({ do: 'get', key: this.#key(step.key) }, lane))
      case 'overwrite':
        return void (await this.#do({ do: 'set', key: this.#key(step.key), value: this.#text() }, lane))
      case 'compare':
        return this.#compareAndSet(step.key, () => this.#text(), lane, 1)
      case 'increment':
        return this.#compareAndSet(step.key, (value) => String(Number(value) + 1), lane, TRIES)
    }
  }

  async #compareAndSet(name: string, next: (value: string) => string, lane: number, tries: number): Promise<void> {
    const key = this.#key(name)
    for (let n = 0; n < tries; n++) {
      const read = await this.#do({ do: 'get', key }, lane)
      if (read?.version === undefined) return
      const set = await this.#do({ do: 'set', key, value: next(read.value ?? '0'), ifVersion: read.version }, lane)
      if (set) return
    }
  }

  #key = (name: string) => `${name} ${this.round}`
  /** Nobody says the same twice. */
  #text = () => `${this.member.name} ${this.round} ${++this.#texts} ${'.'.repeat(100)}`
}

/** Makes a fault and takes it back: in its time, or when the schedule ends. */
async function inject(world: World, fault: Fault, injected: Injected[], ending: AbortSignal): Promise<void> {
  const rest = (ms: number) => sleep(ms, undefined, { signal: ending }).catch(() => {})
  await rest(fault.at)
  if (ending.aborted) return
  const note = (what: Injected['what'], peer?: string, more?: string) => {
    const made: Injected = { what, ...(peer !== undefined && { peer }), from: now(), to: now(), ...(more && { more }) }
    injected.push(made)
    return made
  }
  if (fault.what === 'fill') {
    const { disk } = world
    if (!disk) return
    const made = note('fill')
    disk.fill([])
    await rest(fault.forMs)
    disk.empty([])
    made.to = now()
    return
  }
  const member = whom(world, fault)
  if (!member) return
  if (fault.what === 'kill') {
    const made = note('kill', member.name, fault.peer)
    await member.kill(fault.downMs)
    made.to = now()
  } else if (fault.what === 'stop') {
    const made = note('stop', member.name, fault.peer)
    const goOn = member.stop()
    await rest(fault.forMs)
    if (fault.dies) await member.kill(0)
    goOn?.()
    made.to = now()
    if (!goOn) injected.splice(injected.indexOf(made), 1) // it was stopped already
  } else {
    note('clock', member.name, `${fault.jumpMs} ms`)
    const participant = await member.present
    participant.jump(fault.jumpMs)
    // Back when all is over; until then it lives with it.
    if (!ending.aborted) await new Promise((resolve) => ending.addEventListener('abort', resolve, { once: true }))
    participant.jump(0)
  }
}

function whom({ dir, members }: World, fault: Exclude<Fault, { what: 'fill' }>): Member | undefined {
  if (fault.peer !== LEADER) return members.find(({ name }) => name === fault.peer)
  try {
    const { peer_name } = leaderRow(dir)
    return members.find(({ name }) => name === peer_name)
  } catch {
    return undefined // the disk is full, and SQLite cannot even look
  }
}

/** All faults are over: everybody is there, gives back what it holds, reads what it has and looks at every key. */
async function settle({ dir, members }: World, ops: Op[], round: number): Promise<void> {
  const deadline = now() + SETTLE_WITHIN_MS
  const unread = (name: string) =>
    inFile(dir, (file) =>
      file.prepare('SELECT count(*) FROM messages WHERE recipient_name = ? AND seen_at IS NULL').pluck().get(name),
    )
  await Promise.all(
    members.map(async (member) => {
      const participant = await member.present
      participant.signal('SIGCONT')
      for (const path of PATHS) await member.do({ do: 'unlock', path }, 0, ops)
      for (;;) {
        const { outcome } = await member.do({ do: 'read', limit: 100, wait: 0 }, 1, ops)
        const isEmpty = 'ok' in outcome && outcome.ok.mail?.length === 0
        if ((isEmpty && unread(member.name) === 0) || now() > deadline) break
      }
      for (const key of KEYS) await member.do({ do: 'get', key: `${key} ${round}` }, 0, ops)
    }),
  )
}

const counts = (dir: string) =>
  inFile(dir, (file) => ({
    seq: Number(file.prepare("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'").pluck().get()),
    message: Number(file.prepare('SELECT coalesce(max(seq), 0) FROM messages').pluck().get()),
  }))

function collect(dir: string, since: { seq: number; message: number }): Pick<History, 'log' | 'stored'> {
  return inFile(dir, (file) => ({
    log: file
      .prepare<[number], Omit<Event, 'payload'> & { payload: string }>(
        'SELECT seq, type, emitted_by_name AS "by", payload FROM events WHERE seq > ? ORDER BY seq',
      )
      .all(since.seq)
      .map((row) => ({ ...row, payload: JSON.parse(row.payload) })),
    stored: file
      .prepare<[number], { id: string; from: string; to: string; text: string; seen: number }>(
        `SELECT id, sender_name AS "from", recipient_name AS "to", payload AS text, seen_at IS NOT NULL AS seen
         FROM messages WHERE seq > ? ORDER BY seq`,
      )
      .all(since.message)
      .map((row) => ({ ...row, seen: row.seen === 1 })),
  }))
}

const standing = (dir: string) =>
  inFile(dir, (file) => ({
    live: file.prepare<[], string>('SELECT name FROM peers WHERE live = 1 ORDER BY name').pluck().all() as string[], // plucked
    locks: Number(file.prepare('SELECT count(*) FROM locks').pluck().get()),
  }))
