import { hostname } from 'node:os'
import { dirname } from 'node:path'
import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { Database } from '../database.ts'
import type { Engine, EngineOptions } from '../engine.ts'
import { bootOn, hostOf } from '../lifetime.ts'
import type { ProcessRef } from '../peers.ts'
import { Scope } from '../scope.ts'
import { createStore } from '../store.ts'
import { connectMesh } from './connect.ts'
import { createCopy, Diverged } from './copy.ts'
import { decodeEntry } from './entry.ts'
import { hostIdOf } from './host.ts'
import { createHosts } from './hosts.ts'
import { type Message, openLog } from './log.ts'
import { createSharedPaths } from './path-scheme.ts'
import { natsSettings } from './settings.ts'
import { delivered, SharedDatabase } from './shared-database.ts'
import { createSnapshots } from './snapshot.ts'

/** A copy that is made anew again and again is another trouble than the one that this mends. */
const RESTORE_EVERY_MS = 10_000
/** A new copy may have much to read. */
const FIRST_MS = 20_000

/** The mesh of several machines, as this one has it. Throws what `Database.open` and `connectMesh` throw. */
export async function openShared(config: Config, path: string, options: EngineOptions): Promise<Engine> {
  const settings = natsSettings(config)
  if (!settings) throw new Error('no server is named')
  const scope = new Scope()
  const warn = options.warn ?? (() => {})
  const hostId = hostIdOf(dirname(path))
  const clock: Clock = {
    now: () => options.clock.now(),
    uptime: () => options.clock.uptime(),
    bootId: bootOn(hostId, options.clock.bootId),
  }
  const connection = await connectMesh(settings)
  const log = openLog(scope, connection, { warn })
  try {
    const file = await Database.open(path)
    scope.defer(() => file[Symbol.dispose]())
    const copy = createCopy(file, clock)
    const snapshots = createSnapshots(file, copy, log)
    let restoredAt = Number.NEGATIVE_INFINITY

    /** Sees to it that the copy is one of this log, and that its place there is what the log has at that place. */
    async function settle(): Promise<void> {
      const isNew = await copy.prepare()
      const { created } = await connection.jsm.streams.info(connection.names.stream)
      const why = isNew ? 'it is new' : await whyNot(created)
      if (why === undefined) return
      if (!isNew) warn('the copy of the mesh is made anew', why)
      await snapshots.restore(created)
    }

    async function whyNot(stream: string): Promise<string | undefined> {
      const at = copy.position()
      if (at.stream !== stream) return 'the log on the server is another one'
      if (at.seq === 0) return undefined
      if ((await log.lastSeq()) < at.seq) return 'the log on the server has lost its end'
      const there = await log.at(at.seq)
      return there && idOf(there) !== at.entry ? 'the log on the server is not the one that it was' : undefined
    }

    function idOf(message: Message): string | undefined {
      try {
        return decodeEntry(message.data, connection.url).id
      } catch {
        return undefined
      }
    }

    async function deliver(messages: readonly Message[]): Promise<void> {
      const { seq } = copy.position()
      const fresh = messages.filter((message) => message.seq > seq)
      if (fresh.length > 0)
        try {
          await copy.apply(fresh.map((message) => delivered(message, connection.url)))
        } catch (error) {
          if (!(error instanceof Diverged) || performance.now() - restoredAt < RESTORE_EVERY_MS) throw error
          restoredAt = performance.now()
          warn('the copy of the mesh is made anew', error)
          await snapshots.restore(copy.position().stream)
          throw error // it is followed from its new place
        }
      database.heard()
      options.onChange?.()
    }

    const database = new SharedDatabase(file, copy, log, { ...{ scope, hostId, settle }, now: clock.now, warn })
    await settle()
    log.follow({ from: () => copy.position().seq, deliver, onOpen: settle })
    await database.catchUpOrFail(FIRST_MS)

    const isGone = (process: ProcessRef) => options.isGone(process, clock.bootId)
    const hosts = createHosts(database, { clock, hostId, name: config.hostName || hostname(), log, staleMs: options.staleMs })
    const store = createStore(database, {
      ...options,
      clock,
      isGone,
      hostName: hosts.nameOf,
      paths: createSharedPaths({ hostId, hostName: hosts.nameOf, read: (query) => file.read(query) }),
      machines: {
        catchUp: () => database.catchUp(),
        isHere: (sql, id) => {
          const row = sql.get<{ boot_id: string | null }>('SELECT boot_id FROM peers WHERE id = ?', id)
          return hostOf(row?.boot_id ?? '') === hostId
        },
        isSilent: hosts.isSilent,
        isCutOff: hosts.isCutOff,
      },
    })
    return {
      ...{ store, database, clock, isGone },
      shared: {
        hostId,
        outage: hosts.outage,
        isHere: (row) => hostOf(row.boot_id ?? '') === hostId,
        holds: (id, socketPath) =>
          file.read((sql) => sql.get('SELECT 1 FROM peers WHERE id = ? AND live = 1 AND socket_path = ?', id, socketPath)) !==
          undefined,
        duties: hosts.duties(store, snapshots),
      },
    }
  } catch (error) {
    await scope[Symbol.asyncDispose]().catch(() => {})
    throw error
  }
}
