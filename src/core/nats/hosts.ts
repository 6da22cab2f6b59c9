import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { Duties } from '../engine.ts'
import { bootOn } from '../lifetime.ts'
import type { LockRow } from '../lock.ts'
import type { HostSign, PeerRow } from '../peer.ts'
import type { Sql, Transaction } from '../sql.ts'
import type { Storage } from '../storage.ts'
import type { Store } from '../store.ts'
import type { Log } from './log.ts'
import type { Snapshots } from './snapshot.ts'

/**
 * The machines of a mesh, and which of them still live.
 *
 * **Signs of life.** The leader of each machine writes one beat every ten seconds. Deaths of processes are each machine's own
 * to notice, at once, as on one machine; a beat says that there is somebody who does.
 *
 * **Death** is judged by the clock of whoever judges, alone: no clocks of two machines are compared. A machine whose beat has
 * stood still for half a minute, while the one that judges was awake and could follow the log all the time, is ended: its
 * peers have expired, its locks are free. This is a change of the log like any other, and its condition is that beat: one that
 * comes in between makes it fail.
 *
 * **Cut off.** A machine whose own last beat began half a minute ago knows that the others may do that. It counts its locks
 * as lost before they can have been given away, because its beat began before anybody saw it. When it is back, its peers find
 * their rows ended, and take up their mailboxes again, with name and mail; or not ended, and go on.
 */

const SILENT_MS = 30_000
/** Rounds that come later than this after the last one were slept through. */
const LATE_MS = 10_000

/** The beat of one that was ended; its row stays for its name. */
const ENDED = ''

interface HostRow {
  id: string
  name: string
  boot_id: string
  beat: string
  uptime: number
  at: number
}

export function createHosts(
  database: Storage & { catchUpOrFail(ms: number): Promise<void> },
  on: { clock: Clock; hostId: string; name: string; log: Log; staleMs: number },
) {
  const { clock, hostId, log } = on
  const rowOf = (sql: Sql, id: string) => sql.get<HostRow>('SELECT * FROM hosts WHERE id = ?', id)

  /** By this machine's clock, since when that beat has been the last one. */
  const seen = new Map<string, { beat: string; since: number }>()
  let roundAt = Number.NEGATIVE_INFINITY

  const isCutOff = () => {
    const own = database.read((sql) => rowOf(sql, hostId))
    return own !== undefined && own.beat !== ENDED && own.boot_id === clock.bootId && clock.uptime() - own.uptime > SILENT_MS
  }

  function outage(): string | null {
    const { awaySince, refusal, url } = log
    if (refusal) return `${refusal.message}. What follows is what this machine last knew.`
    if (awaySince === null) return null
    const since = new Date(awaySince).toISOString()
    const locks = isCutOff() ? ' Count your locks as lost until it is back: others may have been given them.' : ''
    return `The mesh's server ${url} cannot be reached since ${since}: this is what this machine last knew, and nothing can be changed.${locks}`
  }

  /** Everybody who has something in the mesh that would have to be taken away with it. */
  function present(sql: Sql): Map<string, HostRow | undefined> {
    const found = new Map<string, HostRow | undefined>()
    const named = `SELECT DISTINCT substr(boot_id, 1, instr(boot_id, '/') - 1) AS id FROM`
    for (const from of ['peers WHERE live = 1 AND boot_id IS NOT NULL', 'locks', 'lock_waits'])
      for (const { id } of sql.all<{ id: string }>(`${named} ${from}`)) if (id !== '') found.set(id, undefined)
    for (const row of sql.all<HostRow>('SELECT * FROM hosts')) if (row.beat !== ENDED || found.has(row.id)) found.set(row.id, row)
    found.delete(hostId)
    return found
  }

  function end(tx: Transaction, store: Store, id: string, beat: string): boolean {
    if ((rowOf(tx, id)?.beat ?? ENDED) !== beat) return false
    const [from, below] = [bootOn(id, ''), bootOn(id, '\uffff')]
    const its = 'boot_id >= ? AND boot_id < ?'
    for (const peer of tx.all<PeerRow>(`SELECT * FROM peers WHERE live = 1 AND ${its} ORDER BY id`, from, below))
      store.peers.ending(tx, peer.id, 'expired', peer.socket_path)
    // Those of people at a shell, who are no peers.
    for (const lock of tx.all<LockRow>(`SELECT * FROM locks WHERE ${its} ORDER BY path_key`, from, below))
      store.locks.freeing(tx, lock, 'crashed')
    for (const table of ['lock_waits', 'touches', 'edit_news']) tx.run(`DELETE FROM ${table} WHERE ${its}`, from, below)
    tx.run('UPDATE hosts SET beat = ? WHERE id = ?', ENDED, id)
    return true
  }

  const isStill = (id: string, now: number) => now - (seen.get(id)?.since ?? now) > SILENT_MS

  async function beat(): Promise<void> {
    const uptime = clock.uptime() // before it is written: nobody can have seen it earlier
    const mark = randomBytes(6).toString('hex')
    await database.write((tx) =>
      tx.run('INSERT OR REPLACE INTO hosts VALUES (?, ?, ?, ?, ?, ?)', hostId, on.name, clock.bootId, mark, uptime, clock.now()),
    )
  }

  const duties = (store: Store, snapshots: Snapshots | undefined): Duties => ({
    beat,

    async bury() {
      // The one moment of the round, for whether it is late and for how still a host is: it may be stopped in the midst.
      const now = clock.uptime()
      const isLate = now - roundAt > LATE_MS
      roundAt = now
      // What is not followed says nothing of anybody.
      const canSee = await database.catchUpOrFail(2_000).then(
        () => true,
        () => false,
      )
      if (isLate || !canSee) seen.clear()
      if (!canSee) return 0
      const found = database.read(present)
      for (const id of seen.keys()) if (!found.has(id)) seen.delete(id)
      let ended = 0
      for (const [id, row] of found) {
        const beat = row?.beat ?? ENDED
        if (seen.get(id)?.beat !== beat) seen.set(id, { beat, since: clock.uptime() })
        else if (isStill(id, now) && (await database.write((tx) => end(tx, store, id, beat)))) ended++
      }
      return ended
    },

    isFirst: () =>
      database
        .read((sql) => sql.all<{ id: string }>('SELECT id FROM hosts WHERE beat <> ?', ENDED))
        .every(({ id }) => id >= hostId || isStill(id, clock.uptime())),

    async shorten() {
      return snapshots !== undefined && this.isFirst() && (await snapshots.isDue()) && (await snapshots.make())
    },
  })

  return {
    isCutOff,
    outage,
    duties,

    /** A peer that joins belongs to a machine with a name. */
    async introduce(): Promise<void> {
      const own = database.read((sql) => rowOf(sql, hostId))
      if (own?.beat !== undefined && own.beat !== ENDED && own.boot_id === clock.bootId && own.name === on.name) return
      await beat()
    },

    nameOf: (sql: Sql, id: string) => (id === hostId ? on.name : rowOf(sql, id)?.name),

    /** Silent: nobody of this machine has seen a beat of that one for a while. */
    signOf(sql: Sql, id: string): HostSign {
      const sighting = sql.get<{ uptime: number; boot_id: string }>(
        'SELECT uptime, boot_id FROM copy_sightings WHERE host_id = ?',
        id,
      )
      const isOld = (at: { uptime: number; boot_id: string }) =>
        at.boot_id !== clock.bootId || clock.uptime() - at.uptime > on.staleMs
      return { at: rowOf(sql, id)?.at, isSilent: sighting !== undefined && isOld(sighting) }
    },
  }
}
