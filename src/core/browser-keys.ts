import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'
import { MeshError } from './errors.ts'
import type { Storage } from './storage.ts'

/**
 * Keys with which a person's browser asks whoever leads. The leader's own token is new each term; a key stands in the file,
 * so that a page lives through a leader's change. Of a key only its SHA-256 is stored, and it is looked up by that: how long
 * the look takes says nothing of the key.
 */

/** A page that nobody has looked at for half a day asks for a new link. By the boot clock, which nobody sets. */
const LIFETIME_MS = 12 * 3_600_000
/** An open page asks several times a second; the file is written once a minute. */
const RENEW_EVERY_MS = 60_000

interface Row {
  used_at: number | null
  used_uptime: number
  expires_uptime: number
  boot_id: string
}

export type BrowserKeys = ReturnType<typeof createBrowserKeys>

const digestOf = (key: string) => createHash('sha256').update(key).digest('hex')

export function createBrowserKeys(database: Storage, clock: Clock) {
  const find = (digest: string) =>
    database.read((sql) => sql.get<Row>('SELECT * FROM browser_keys WHERE digest = ? AND boot_id = ?', digest, clock.bootId))

  return {
    /** Makes a key: 32 random bytes, in base64url. */
    async mint(): Promise<string> {
      const key = randomBytes(32).toString('base64url')
      const now = clock.uptime()
      await database.writeHere((tx) =>
        tx.run('INSERT INTO browser_keys VALUES (?, NULL, ?, ?, ?)', digestOf(key), now, now + LIFETIME_MS, clock.bootId),
      )
      return key
    },

    /** Whether that is a key and still good. It is then good for another half day. */
    async accepts(key: string): Promise<boolean> {
      const digest = digestOf(key)
      const row = find(digest)
      const now = clock.uptime()
      if (!row || row.expires_uptime <= now) return false
      if (row.used_at !== null && now - row.used_uptime < RENEW_EVERY_MS) return true
      try {
        await database.writeHere((tx) =>
          tx.run(
            'UPDATE browser_keys SET used_at = ?, used_uptime = ?, expires_uptime = ? WHERE digest = ?',
            clock.now(),
            now,
            now + LIFETIME_MS,
            digest,
          ),
        )
      } catch (error) {
        // A full disk is no reason to show nothing: it is renewed the next time.
        if (!(error instanceof MeshError)) throw error
      }
      return true
    },

    /**
     * The SHA-256 of the key of which it begins so, in hex: what only a key's holder and a reader of the file know.
     * Undefined where there is none that is good.
     */
    digestOf(start: string): string | undefined {
      const row = database.read((sql) =>
        sql.get<Row & { digest: string }>(
          'SELECT * FROM browser_keys WHERE digest >= ? AND digest < ? AND boot_id = ? LIMIT 1',
          start,
          `${start}g`, // behind whatever hex goes on with
          clock.bootId,
        ),
      )
      return row && row.expires_uptime > clock.uptime() ? row.digest : undefined
    },

    /** Whether somebody has come with that key. */
    isUsed: (key: string): boolean => typeof find(digestOf(key))?.used_at === 'number',
  }
}
