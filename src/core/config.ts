import { homedir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { fail } from './errors.ts'
import { chosenName } from './limits.ts'
import { LEVELS } from './log.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(min).max(max))

/** Each setting: its parser, its default as text, what a good value is, and what it trades. */
const settings = {
  /** Where the mesh lives. All peers that share it are one mesh; it must be on a local disk. */
  dataDir: ['SLM_MESH_DATA_DIR', z.string().min(1).max(1024), undefined, 'a path'],
  /** The leader's port; the ten above it are tried when a stranger holds it. 0: any free port. */
  port: ['SLM_MESH_PORT', whole(0, 65535), '7899', 'a port from 0 to 65535'],
  /** Loopback names only: nothing leaves the machine (G8). */
  host: ['SLM_MESH_HOST', z.enum(['127.0.0.1', '::1', 'localhost']), '127.0.0.1', 'a loopback name: 127.0.0.1, ::1 or localhost'],
  /** One row written a beat and peer; a hung peer is seen as stale at the latest `staleMs` after its last one. */
  heartbeatMs: ['SLM_MESH_HEARTBEAT_MS', whole(100, 600_000), '15000', 'milliseconds from 100 to 600000'],
  /** Shown as stale after this long without a heartbeat. Two beats: one late beat is not news. */
  staleMs: ['SLM_MESH_STALE_MS', whole(200, 3_600_000), '30000', 'milliseconds from 200 to 3600000'],
  /** Given up after this long without a heartbeat: its locks are freed. Longer spares a slow machine, shorter frees sooner. */
  deadMs: ['SLM_MESH_DEAD_MS', whole(300, 3_600_000), '60000', 'milliseconds from 300 to 3600000'],
  /** How long a lock lasts when the caller does not say. */
  lockTtlMinutes: ['SLM_MESH_LOCK_TTL_MIN', whole(1, 1440), '10', 'minutes from 1 to 1440'],
  /** This session's name, and its identity when it comes back. */
  name: ['SLM_MESH_NAME', chosenName, '', 'a name of up to 64 letters, digits, - _ . that is not reserved'],
  /** What the agent calls itself, where the MCP client does not tell (set by `setup` for clients that clear the environment). */
  agent: ['SLM_MESH_AGENT', z.string().regex(/^[a-z0-9-]{1,32}$/), '', 'an agent type such as codex'],
  /** A leader that hangs is replaced within this; half of it is the silence that counts as hanging. */
  leaseMs: ['SLM_MESH_LEASE_MS', whole(3_000, 600_000), '5000', 'milliseconds from 3000 to 600000'],
  messageTtlHours: ['SLM_MESH_MESSAGE_TTL_H', whole(1, 8760), '24', 'hours from 1 to 8760'],
  eventTtlHours: ['SLM_MESH_EVENT_TTL_H', whole(1, 8760), '48', 'hours from 1 to 8760'],
  /** Writes a peer may make in 10 s; 0 switches the limit off. */
  rate: ['SLM_MESH_RATE', whole(0, 1_000_000), '2000', 'a number of writes from 0 to 1000000'],
  log: ['SLM_MESH_LOG', z.enum(LEVELS), 'info', `one of ${LEVELS.join(', ')}`],
} as const satisfies Record<string, readonly [string, z.ZodType, string | undefined, string]>

export type Config = { readonly [K in keyof typeof settings]: z.output<(typeof settings)[K][1]> }

/** The settings from an environment; an empty value counts as none. Throws `setting` at the first bad one. */
export function readConfig(env: Environment): Config {
  const entries = Object.entries(settings).map(([key, [variable, schema, fallback, expected]]) => {
    const value = env[variable] || (fallback ?? join(homedir(), '.slm-mesh'))
    if (value === '') return [key, '']
    const parsed = schema.safeParse(value)
    if (!parsed.success) throw fail('setting', { name: variable, value, expected })
    return [key, parsed.data]
  })
  // Every key of `settings` has been filled in from its own schema.
  return Object.freeze(Object.fromEntries(entries)) as Config
}
