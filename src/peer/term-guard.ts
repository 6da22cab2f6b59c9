import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import lockfile from 'proper-lockfile'

/**
 * The visible guard of a term: a directory `leader.<term>.lock`, made with proper-lockfile, which renews its mtime
 * every second while the leader's event loop runs. Followers read the mtime as a sign of life.
 *
 * proper-lockfile alone elects two leaders: whoever meets a stale lock may remove another's fresh one, and staleness
 * goes by the wall clock. A directory a term, and a staleness of a day, switch both off; who leads is decided by the
 * term row in whose transaction the guard is taken.
 */
export interface TermGuard {
  /** Call inside the election's transaction only: anything at that term's place is then litter. */
  acquire(term: number, onCompromised: (error: Error) => void): boolean
  release(term: number): void
  /** Changes while the leader of that term is alive and not hung. */
  sign(term: number): number
  /** Removes what leaders of earlier terms left behind. Returns how many. */
  sweep(currentTerm: number): number
}

const UPDATE_MS = 1_000
const NEVER_STALE_MS = 86_400_000

export function createTermGuard(dataDir: string): TermGuard {
  const pathOf = (term: number) => join(dataDir, `leader.${term}.lock`)
  const releases = new Map<number, () => void>()
  return {
    acquire(term, onCompromised) {
      rmSync(pathOf(term), { recursive: true, force: true })
      try {
        const release = lockfile.lockSync(join(dataDir, `leader.${term}`), {
          lockfilePath: pathOf(term),
          realpath: false,
          stale: NEVER_STALE_MS,
          update: UPDATE_MS,
          onCompromised,
        })
        releases.set(term, release)
        return true
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ELOCKED') return false
        throw error
      }
    },

    release(term) {
      const release = releases.get(term)
      releases.delete(term)
      try {
        release?.()
      } catch {
        // Removed by somebody else: then there is nothing to release.
      }
    },

    sign: (term) => statSync(pathOf(term), { throwIfNoEntry: false })?.mtimeMs ?? 0,

    sweep(currentTerm) {
      const old = readdirSync(dataDir).filter(
        (name) => Number(/^leader\.(\d+)\.lock$/.exec(name)?.[1] ?? currentTerm) < currentTerm,
      )
      for (const name of old) {
        try {
          // Whatever somebody has put there instead, too; of a link, only the link.
          rmSync(join(dataDir, name), { recursive: true, force: true })
        } catch {
          // An earlier leader on its way out removes its own.
        }
      }
      return old.length
    },
  }
}
