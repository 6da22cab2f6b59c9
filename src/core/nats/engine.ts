import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Engine, EngineOptions } from '../engine.ts'
import { isFailure } from '../errors.ts'
import { bootOn, hostOf } from '../lifetime.ts'
import type { ProcessRef } from '../peer.ts'
import { Scope } from '../scope.ts'
import { Database } from '../sqlite/database.ts'
import { createStore } from '../store.ts'
import { connectMesh, type MeshConnection } from './connect.ts'
import { createCopy } from './copy.ts'
import { createFollowing } from './following.ts'
import { hostIdOf } from './host.ts'
import { createHosts } from './hosts.ts'
import { type Log, noLog, openLog } from './log.ts'
import { createSharedPaths } from './path-scheme.ts'
import { createServerClock, keepLearning, type ServerClock } from './server-clock.ts'
import { natsSettings } from './settings.ts'
import { SharedDatabase } from './shared-database.ts'
import { createSnapshots, type Snapshots } from './snapshot.ts'

/** A new copy may have much to read. */
const FIRST_MS = 20_000
const ASK_MS = 2_000

/** The mesh of several machines, as this one has it. Throws what `Database.open` and `connectMesh` throw. */
export async function openShared(config: Config, path: string, options: EngineOptions): Promise<Engine> {
  const settings = natsSettings(config)
  if (!settings) throw new Error('no server is named')
  const warn = options.warn ?? (() => {})
  const hostId = hostIdOf(dirname(path))
  let linked: Log | undefined
  const serverClock = createServerClock(
    () => options.clock.now(),
    () => linked,
  )
  const clock: Clock = {
    now: () => serverClock.now(),
    uptime: () => options.clock.uptime(),
    bootId: bootOn(hostId, options.clock.bootId),
  }
  const scope = new Scope()
  try {
    let connection: MeshConnection | undefined
    let log: Log
    try {
      const link = await connectMesh(settings)
      // A leader that is gone does not answer: whoever soon asks again asks the next one.
      connection = { ...link, jsm: await jetstreamManager(link.nc, { checkAPI: false, timeout: ASK_MS }) }
      log = openLog(scope, connection, { warn })
      linked = log
      await serverClock.learn()
      keepLearning(scope, serverClock, warn)
    } catch (error) {
      if (!options.evenAlone || !isFailure(error, 'unreachable') || !existsSync(path)) throw error
      connection = undefined
      log = noLog(settings.url, error)
    }
    const file = await Database.open(path)
    scope.defer(() => file[Symbol.dispose]())
    const { database, snapshots } = await startCopy({ file, clock, serverClock, hostId, scope, warn, log, connection, options })

    const isGone = (process: ProcessRef) => options.isGone(process, clock.bootId)
    const hosts = createHosts(database, { clock, hostId, name: config.hostName || hostname(), log, staleMs: options.staleMs })
    const store = createStore(database, {
      ...{ ...options, clock, isGone },
      hostName: hosts.nameOf,
      paths: createSharedPaths({ hostId, hostName: hosts.nameOf, read: (query) => file.read(query) }),
      machines: {
        catchUp: () => database.catchUp(),
        isHere: (sql, id) => {
          const row = sql.get<{ boot_id: string | null }>('SELECT boot_id FROM peers WHERE id = ?', id)
          return hostOf(row?.boot_id ?? '') === hostId
        },
        signOf: hosts.signOf,
        isCutOff: hosts.isCutOff,
      },
    })
    return {
      ...{ store, database, clock, isGone },
      shared: {
        hostId,
        outage: hosts.outage,
        isHere: (row) => hostOf(row.boot_id ?? '') === hostId,
        holds: (socketPath) =>
          file.read((sql) => sql.get('SELECT 1 FROM peers WHERE live = 1 AND socket_path = ?', socketPath)) !== undefined,
        introduce: hosts.introduce,
        duties: hosts.duties(store, snapshots),
      },
    }
  } catch (error) {
    await scope[Symbol.asyncDispose]().catch(() => {})
    throw error
  }
}

/** This machine's file as a copy that follows the log; where there is no server, as it was left. */
async function startCopy(on: {
  file: Database
  clock: Clock
  serverClock: ServerClock
  hostId: string
  scope: Scope
  warn: (what: string, error: unknown) => void
  log: Log
  connection: MeshConnection | undefined
  options: EngineOptions
}): Promise<{ database: SharedDatabase; snapshots: Snapshots | undefined }> {
  const { file, clock, serverClock, hostId, scope, warn, log, connection, options } = on
  const copy = createCopy(file, clock)
  const common = { ...{ scope, hostId, warn }, now: clock.now }
  if (!connection) {
    await copy.prepare()
    return { database: new SharedDatabase(file, copy, log, { ...common, settle: async () => {} }), snapshots: undefined }
  }
  const snapshots = createSnapshots(file, copy, connection, log)
  const { settle, deliver } = createFollowing({ copy, log, connection, snapshots, warn })
  const database = new SharedDatabase(file, copy, log, { ...common, settle })
  await settle()
  log.follow({
    from: () => copy.position().seq,
    onOpen: async () => {
      await serverClock.learn() // another server answers, perhaps
      await settle()
    },
    deliver: async (messages) => {
      await database.settled
      const isMissed = await deliver(messages)
      database.heard()
      options.onChange?.()
      return isMissed
    },
  })
  await database.catchUpOrFail(FIRST_MS)
  return { database, snapshots }
}
