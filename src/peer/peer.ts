import { randomBytes } from 'node:crypto'
import { Bell } from '../core/bell.ts'
import { Claims } from '../core/claims.ts'
import { systemClock } from '../core/clock.ts'
import { readConfig } from '../core/config.ts'
import { type Engine, openEngine } from '../core/engine.ts'
import { fail, isFailure } from '../core/errors.ts'
import { createBudget } from '../core/limits.ts'
import { createLog } from '../core/log.ts'
import { call } from '../core/operations.ts'
import { leaveSocketDir, makeSocketDir, newSocketPath, openDataDir } from '../core/paths.ts'
import type { Arrival } from '../core/peer.ts'
import { Scope } from '../core/scope.ts'
import type { Recovery } from '../core/sqlite/recovery.ts'
import { type Doorbell, startDoorbell } from './doorbell.ts'
import { createEditing } from './editing.ts'
import { type Election, startElection } from './election.ts'
import { startFileWatch } from './file-watch.ts'
import { HookHost } from './hook-host.ts'
import { startMembership } from './membership.ts'
import type { JoinOptions, MeshPeer } from './mesh-peer.ts'
import { isGoneSeenFrom, ownProcess, parentProcess } from './process-identity.ts'
import { placeOf } from './project.ts'
import { createSelf } from './self.ts'
import { createTermGuard } from './term-guard.ts'
import { socketTransport } from './transport.ts'
import { startVigil } from './vigil.ts'

/** One live process on the mesh: everything it consists of, joined into one lifetime. */

const RATE_WINDOW_MS = 10_000
const CAME_BACK =
  'This machine was cut off from the mesh for so long that the others went on without you: your locks were freed. You are back under your name, with your mail. Lock again what you still need, and look whether somebody else has changed it.'
/** Joins the mesh of the data directory. Throws `MeshError`: `unsafe`, `read_only`, `schema_newer`, `full`, `closed`, … */
export async function joinMesh(options: JoinOptions = {}): Promise<MeshPeer> {
  for (let tries = 1; ; tries++) {
    const scope = new Scope()
    try {
      return await join(scope, options)
    } catch (error) {
      await scope[Symbol.asyncDispose]().catch(() => {})
      // Damage that it met on the way has been moved aside by now.
      if (tries > 1 || !isFailure(error, 'corrupt') || error.facts.recurring) throw error
    }
  }
}

async function join(scope: Scope, options: JoinOptions): Promise<MeshPeer> {
  // Between steps: on a slow machine all of them take longer than a client leaves its server to say goodbye.
  const whileWanted = () => {
    if (options.signal?.aborted) throw fail('closed', { why: 'it was asked to leave' })
  }
  whileWanted()
  const config = readConfig(options.env ?? {})
  const layout = openDataDir(config.dataDir)
  const socketPath = newSocketPath(layout.dataDir, randomBytes(process.platform === 'win32' ? 16 : 4).toString('hex'))
  scope.defer(() => leaveSocketDir(layout.dataDir, socketPath))
  const bell = new Bell()
  let nameOf = () => ''
  const log = createLog(layout.log, config.log, () => nameOf(), options.stderr ?? (() => {}))
  // The store rings through a doorbell that needs the store's peer to say who it is.
  let doorbell: Doorbell | undefined
  let onChange = () => bell.ring()
  const engine = await openEngine(config, layout.database, {
    clock: options.clock ?? systemClock,
    staleMs: config.staleMs,
    ring: (target) => doorbell?.ring(target),
    isGone: isGoneSeenFrom,
    onChange: () => onChange(),
    warn: (what, error) => log.warn(what, { error }),
  })
  const { store, database, clock, isGone, shared } = engine
  database.onDamage = undefined // until there is a watch
  scope.defer(async () => {
    if (database.isDamaged) await database.reopen(() => {}).catch(() => {})
    database[Symbol.dispose]()
  })
  whileWanted()

  const arrival: Arrival = {
    kind: options.kind ?? 'session',
    agentType: options.agentType ?? 'library',
    ...placeOf(options.projectPath ?? process.cwd(), store.paths),
    process: { ...ownProcess(), ...(shared && { bootId: clock.bootId }) },
    socketPath,
    // A headless peer is meant to outlive its shell; on macOS and Windows a look costs a process.
    parent: options.kind === 'headless' ? undefined : parentProcess(),
    name: config.name || undefined,
    sessionKey: options.sessionKey,
  }
  const me = createSelf(store, arrival)
  nameOf = me.name

  const news: string[] = []
  const hooks = new HookHost(log)
  let election: Election | undefined
  makeSocketDir(socketPath) // again: the last peer to leave may have removed it meanwhile
  doorbell = await startDoorbell(scope, {
    transport: options.transport ?? socketTransport,
    socketPath,
    self: () => me.id(),
    log,
    hooks,
    onRing: () => bell.ring(),
    onLeader: () => {
      election?.look()
      bell.ring()
    },
    onClosed: (peer) => {
      if (store.leadership.read().peer?.socketPath === peer.socketPath) election?.look()
      membership.look(peer).catch((error: unknown) => log.warn('could not look after a closed link', { error }))
    },
  })
  const membership = startMembership(scope, {
    store,
    clock,
    isGone,
    self: () => ({ id: me.id(), socketPath }),
    heartbeatMs: config.heartbeatMs,
    log,
    onLost: async () => {
      if (scope.signal.aborted) return // it was we who ended it
      const wasLost = shared && !shared.holds(socketPath)
      await me.join()
      if (wasLost) news.push(CAME_BACK)
    },
    onHeartbeat: () => bell.ring(),
  })

  whileWanted()
  await shared?.introduce()
  await me.join()
  if (shared) {
    // Another machine may have given this one up: who we are is then taken up again at once.
    let returning = false
    onChange = () => {
      bell.ring()
      if (returning || scope.signal.aborted || shared.holds(socketPath)) return
      returning = true
      const comeBack = membership.heartbeat().catch((error: unknown) => log.warn('could not come back', { error }))
      void comeBack.finally(() => {
        returning = false
      })
    }
  }
  scope.defer(() =>
    store.peers.end(me.id(), 'left', socketPath).catch((error: unknown) => log.warn('could not say goodbye', { error })),
  )
  whileWanted()
  const handOn = async () => {
    if (await election?.stepAside()) await announce(engine, doorbell, socketPath)
  }
  election = startElection(scope, {
    leadership: store.leadership,
    doorbell,
    guard: createTermGuard(layout.dataDir),
    clock,
    isGone,
    leaseMs: config.leaseMs,
    candidate: () => ({ id: me.id(), name: me.name(), process: arrival.process, socketPath }),
    log,
    lead: async (term, termScope, stepDown) => {
      await announce(engine, doorbell, socketPath)
      const { startLeader } = await import('./leader/leader.ts')
      const self = () => ({ id: me.id(), socketPath })
      const onDeposed = () => stepDown('the term has moved on')
      const { beatingSince } = membership
      const common = { store, database, config, layout, clock, bell, self, isGone, beatingSince, log }
      await startLeader(termScope, {
        term,
        ...common,
        ...(shared && { duties: shared.duties, outage: shared.outage }),
        onDeposed,
        handOn,
      })
      bell.ring() // the port is known now
    },
  })
  scope.defer(async () => {
    // Told, the others need not find out by themselves; untold, they will.
    if (await election?.resign()) await announce(engine, doorbell, socketPath).catch(() => {})
  })
  await election.runOnce()
  const recoveries: Recovery[] = []
  const onRecovery = (recovery: Recovery) => {
    log.warn('the database was damaged: it was moved aside, and a new one is in its place', { ...recovery })
    recoveries.push(recovery)
  }
  if (database.recovery) onRecovery(database.recovery)
  startVigil(scope, {
    config,
    database,
    doorbell,
    bell,
    clock,
    log,
    socketPath,
    onReplaced: () => me.joinIn(database),
    onRecovery,
  })

  const editing = createEditing({ store, clock, self: me.actor, lockTtlMinutes: config.lockTtlMinutes })
  startFileWatch(scope, { store, clock, bell, self: me.actor, editing, log })

  const budget = createBudget(config.rate, RATE_WINDOW_MS, () => clock.uptime())
  const carrying = new Claims()
  const context: MeshPeer['context'] = (door) => {
    if (scope.signal.aborted) throw fail('closed', { why: 'it was asked to leave' })
    return { actor: me.actor(), store, clock, bell, carrying, spend: budget.spend, defaults: config, ...door }
  }
  return {
    get self() {
      return me.actor()
    },
    get returned() {
      return me.returned()
    },
    get leadingTerm() {
      return election.leadingTerm
    },
    handOn,
    bell,
    store,
    log,
    editing,
    carrying,
    recoveries,
    news,
    outage: () => shared?.outage() ?? null,
    context,
    async call(name, input, { signal } = {}) {
      const after: ((left: boolean) => Promise<void>)[] = []
      const output = await call(name, context({ signal: signal ?? scope.signal, afterAnswer: (run) => after.push(run) }), input)
      for (const run of after) await run(true)
      return output
    },
    claimSession: (sessionKey) => me.claim(sessionKey),
    async moveTo(projectPath) {
      await me.moveTo(projectPath)
    },
    onHook(handler) {
      hooks.handler = handler
    },
    leave: () => scope[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  }
}

/** Tells everybody on this machine that the leader's row has moved; the links stay, and tell of a crash by closing. */
async function announce({ store, shared }: Engine, doorbell: Doorbell, ownSocket: string): Promise<void> {
  for (const row of await store.peers.all()) {
    if (row.live === 0 || row.socket_path === null || row.socket_path === ownSocket) continue
    if (shared && !shared.isHere(row)) continue
    doorbell.tell({ peerId: row.id, socketPath: row.socket_path }, 'leader')
  }
}
