import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { monotonicMs } from '../clock.ts'
import { fail, isFailure } from '../errors.ts'
import { newId } from '../ids.ts'
import { sleep } from '../scope.ts'
import type { Sql } from '../sql.ts'
import { asideOf, asides, SUFFIXES } from './aside.ts'
import { Connection } from './connection.ts'
import { nextOf, openConnection } from './open-database.ts'
import { note, type Recovery, sum } from './recovery.ts'
import { type Numbers, numbersAfter, type Salvage, salvage } from './salvage.ts'
import { damageFound } from './soundness.ts'
import { isBusy } from './sqlite-errors.ts'

/**
 * A damaged file is moved aside with its WAL and index, and a new one takes its place with what can be read of it. Nothing is
 * mended, and nothing unlinked.
 *
 * **One mover.** All of this runs under the guard of moving.ts: SQLite's own lock on a file of its own, which the kernel
 * frees when its holder dies. Whoever gets it judges the file anew, by opening it, or by reading it through: what somebody
 * faster has put there is whole, and stays. Only movers move, so what was judged is what is moved.
 *
 * **Nothing is acknowledged in between.** The write lock of the damaged file is held from before it is read until everybody
 * has had time to notice that the file was replaced: their writes wait, and go to the new one. Where it is damaged so much
 * that it cannot be locked, those who still have it open bring over what the mover could not read (recovery.ts).
 *
 * **The new one is complete before it is seen.** It is made beside as `mesh.db.next`, and renamed last, over nothing: whoever
 * creates a file and finds `.next` beside it waits. SQLite opens the WAL by name, and later than the file: an opener looks
 * whether the file is still the same once both are open (open-database.ts).
 *
 * **No loop.** After three within ten minutes it is the disk, or another program: then it is refused.
 *
 * A mover that dies on the way leaves the damaged file where it was, with or without its WAL; or, between two renames, a
 * place without a file, where an empty one is made. What it moved lies beside in any case.
 */

const MAX_TIMES = 3
const WITHIN_MS = 600_000
/** Reading what can be read takes no longer: a leader that stands still for half a lease counts as hung. */
const SALVAGE_MS = 1_500
/** How long a writer of the damaged file may take to end; a suspended one holds nobody up. */
const LOCK_MS = 1_000
/** Everybody looks once a second whether the file is still the one that they have open. */
const NOTICED_MS = 2_000

interface Suspicion {
  readonly detail: string
  /** Somebody who has it open, and may still know what can no longer be read. */
  readonly running?: Sql
  /** It was found to be whole before, and has failed again. */
  readonly isCertain?: boolean
}

/**
 * Call under the guard of moving.ts. Undefined where the file turns out to be whole. `release` lets go of the old file's
 * write lock, once everybody has noticed. Throws `corrupt` (recurring), and what making a new file throws.
 */
export async function quarantine(
  path: string,
  { detail, running, isCertain = false }: Suspicion,
): Promise<{ recovery: Recovery; release: () => void } | undefined> {
  const old = await openDamaged(path)
  try {
    await lockWrites(old.connection)
    const isWhole = old.damage === undefined && !isCertain && (running === undefined || damageFound(old.connection) === undefined)
    if (isWhole) {
      old.connection.close()
      return undefined
    }
    const now = Date.now()
    if (asides(path).filter(({ at }) => Math.abs(now - at) < WITHIN_MS).length >= MAX_TIMES)
      throw fail('corrupt', { path, detail: old.damage ?? detail, recurring: true })
    const recovery = { movedTo: asideOf(path, now, process.pid), at: now, damage: old.damage ?? detail }
    const { saved, isWhole: isAllSaved } = await prepare(path, [...(running ? [running] : []), old.connection], recovery)
    for (const suffix of ['-wal', '-shm', ''] as const)
      if (existsSync(path + suffix)) renameSync(path + suffix, recovery.movedTo + suffix)
    renameSync(nextOf(path), path)
    return { recovery: { ...recovery, saved, isWhole: isAllSaved }, release: () => old.connection.close() }
  } catch (error) {
    old.connection.close()
    throw error
  }
}

/** Waits until everybody has noticed; nobody is kept alive by that. */
export const onceNoticed = () => sleep(NOTICED_MS)

/** As it would be opened to be used, which says what is wrong with it; else as it can be opened. */
async function openDamaged(path: string): Promise<{ connection: Connection; damage?: string }> {
  try {
    return { connection: await openConnection(path) }
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error
    return { connection: new Connection(path), damage: error.facts.detail }
  }
}

/**
 * Opens what stands at the path, or a new file in the place of a damaged one. Call under the guard of moving.ts. `noticed`
 * comes to pass when those who still have the old one open have left it, and its lock has been let go.
 * Throws `corrupt` (recurring), and what opening throws.
 */
export async function openRecovered(path: string): Promise<{ connection: Connection; noticed?: Promise<void> }> {
  try {
    return { connection: await openConnection(path) }
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error
    const done = await quarantine(path, { detail: error.facts.detail })
    const connection = await openConnection(path)
    return { connection, ...(done && { noticed: onceNoticed().then(done.release) }) }
  }
}

async function lockWrites(connection: Connection): Promise<void> {
  for (const until = monotonicMs() + LOCK_MS; ; ) {
    try {
      return connection.script('BEGIN IMMEDIATE')
    } catch (error) {
      if (!isBusy(error) || monotonicMs() > until) return
      await sleep(2, undefined, true)
    }
  }
}

/** Makes the new file, with all that it is to hold, as one file without a WAL. */
async function prepare(path: string, sources: readonly Sql[], recovery: Pick<Recovery, 'movedTo' | 'at' | 'damage'>) {
  const next = nextOf(path)
  for (const suffix of SUFFIXES) rmSync(next + suffix, { force: true }) // of a mover that died
  try {
    const connection = await openConnection(next)
    try {
      connection.run('BEGIN IMMEDIATE')
      const salvaged = sources.map((from) => salvage(from, connection, SALVAGE_MS / sources.length, recovery.at)).reduce(both)
      begin(connection, numbersAfter(sources, recovery.at, guardedTerm(dirname(path))), { ...recovery, ...salvaged })
      connection.run('COMMIT')
      return salvaged
    } finally {
      connection.close() // the last one to close takes the WAL into the file
    }
  } catch (error) {
    for (const suffix of SUFFIXES) rmSync(next + suffix, { force: true })
    throw error
  }
}

/** The newest term that a leader's guard names (term-guard.ts), for a file that no longer tells. */
const guardedTerm = (dataDir: string) =>
  Math.max(0, ...readdirSync(dataDir).map((name) => Number(/^leader\.(\d{1,15})\.lock$/.exec(name)?.[1] ?? 0)))

/** Of two sources the second adds what the first could not read. */
const both = (a: Salvage, b: Salvage): Salvage => ({ saved: sum(a.saved, b.saved), isWhole: a.isWhole || b.isWhole })

/** The numbers go on above all that were given, and the log begins with what happened. */
function begin(into: Sql, { seq, term, ticket }: Numbers, recovery: Recovery): void {
  const { movedTo, damage, saved, isWhole, at } = recovery
  into.run('UPDATE leader SET term = max(term, ?)', term)
  into.run(`INSERT INTO sqlite_sequence (name, seq) VALUES ('lock_tickets', ?)`, ticket)
  into.run(
    `INSERT INTO events (seq, id, type, payload, created_at) VALUES (?, ?, 'database_recovered', ?, ?)`,
    ...[seq, newId('e', at), JSON.stringify({ movedTo, damage, saved, complete: isWhole }), at],
  )
  note(into, recovery)
}
