import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { CHOSEN_NAME, isReserved } from './chosen-name.ts'
import { fail } from './errors.ts'
import { LEVELS } from './log.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The value that a text stands for; undefined where it is not a good one. Without zod: every command reads its settings
 * before anything else, and loading zod costs it more time than all the rest.
 */
type Parse<T> = (text: string) => T | undefined

const whole =
  (min: number, max: number): Parse<number> =>
  (text) => {
    const value = Number(text)
    return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : undefined
  }

const oneOf =
  <T extends string>(...words: readonly T[]): Parse<T> =>
  (text) =>
    words.find((word) => word === text)

const matching =
  (pattern: RegExp): Parse<string> =>
  (text) =>
    pattern.test(text) ? text : undefined

const upTo =
  (chars: number): Parse<string> =>
  (text) =>
    text.length <= chars ? text : undefined

const chosenName: Parse<string> = (text) => (CHOSEN_NAME.test(text) && !isReserved(text) ? text : undefined)

/** Each setting: its parser, its default as text, what a good value is, and what it trades. */
const settings = {
  /** Where the mesh lives. All peers that share it are one mesh; it must be on a local disk. */
  dataDir: ['SLM_MESH_DATA_DIR', upTo(1024), undefined, 'a path'],
  /** The leader's port; the ten above it are tried when a stranger holds it. 0: any free port. */
  port: ['SLM_MESH_PORT', whole(0, 65535), '7899', 'a port from 0 to 65535'],
  /** Loopback names only: nothing leaves the machine (G8). */
  host: ['SLM_MESH_HOST', oneOf('127.0.0.1', '::1', 'localhost'), '127.0.0.1', 'a loopback name: 127.0.0.1, ::1 or localhost'],
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
  agent: ['SLM_MESH_AGENT', matching(/^[a-z0-9-]{1,32}$/), '', 'an agent type such as codex'],
  /** A leader that hangs is replaced within this; half of it is the silence that counts as hanging. */
  leaseMs: ['SLM_MESH_LEASE_MS', whole(3_000, 600_000), '5000', 'milliseconds from 3000 to 600000'],
  messageTtlHours: ['SLM_MESH_MESSAGE_TTL_H', whole(1, 8760), '24', 'hours from 1 to 8760'],
  eventTtlHours: ['SLM_MESH_EVENT_TTL_H', whole(1, 8760), '48', 'hours from 1 to 8760'],
  /** Writes a peer may make in 10 s; 0 switches the limit off. */
  rate: ['SLM_MESH_RATE', whole(0, 1_000_000), '2000', 'a number of writes from 0 to 1000000'],
  /** A mesh of several machines, on NATS; without it the mesh is this machine's file. What it says is parsed where it is used. */
  url: ['SLM_MESH_URL', upTo(2048), '', 'nats://host:4222 or tls://host:4222, several separated by commas'],
  /** Meshes on one server are apart by their names: other streams, other subjects, other permissions. */
  mesh: ['SLM_MESH_MESH', matching(/^[a-z0-9-]{1,32}$/), 'default', 'up to 32 of a-z, 0-9 and -'],
  /** Secrets come from the environment or a file, never from a command line, which all users of a machine can read. */
  creds: ['SLM_MESH_CREDS', upTo(1024), '', 'the path of a creds file'],
  user: ['SLM_MESH_USER', upTo(256), '', 'a user of the NATS server'],
  password: ['SLM_MESH_PASSWORD', upTo(1024), '', 'up to 1024 characters'],
  token: ['SLM_MESH_TOKEN', upTo(1024), '', 'up to 1024 characters'],
  /** For servers whose certificate the system does not trust by itself. */
  ca: ['SLM_MESH_CA', upTo(1024), '', 'the path of a PEM file'],
  /** Whom doctor asks whether what is acknowledged is on the disk; default: port 8222 of each server. */
  monitor: [
    'SLM_MESH_MONITOR',
    matching(/^https?:\/\/[^@\s]{1,256}$/),
    '',
    'the monitoring port of nats-server, such as http://host:8222',
  ],
  /** What the others call this machine; default: what it calls itself. */
  hostName: ['SLM_MESH_HOST_NAME', matching(/^[A-Za-z0-9._-]{1,64}$/), '', 'up to 64 letters, digits, - _ .'],
  log: ['SLM_MESH_LOG', oneOf(...LEVELS), 'info', `one of ${LEVELS.join(', ')}`],
} as const satisfies Record<string, readonly [string, Parse<unknown>, string | undefined, string]>

/** What complaints may quote: a URL can hold a password, and the two that are one are shown to nobody. */
const shown = (variable: string, value: string) =>
  /_(PASSWORD|TOKEN)$/.test(variable) ? '...' : variable.endsWith('_URL') ? withoutSecrets(value) : value

/** Whatever stands before an @ is nobody's business, however wrong the rest may be. */
export const withoutSecrets = (urls: string): string => urls.replace(/(^|,|\/\/)[^,]*@/g, '$1')

/** What all of them are called. */
export const VARIABLES: readonly string[] = Object.values(settings).map(([variable]) => variable)

export type Config = { readonly [K in keyof typeof settings]: Exclude<ReturnType<(typeof settings)[K][1]>, undefined> }

/** The settings from an environment; an empty value counts as none. Throws `setting` at the first bad one. */
export function readConfig(env: Environment): Config {
  const entries = Object.entries(settings).map(([key, [variable, parse, fallback, expected]]) => {
    const value = env[variable] || (fallback ?? join(homedir(), '.slm-mesh'))
    if (value === '') return [key, '']
    const parsed = parse(value)
    if (parsed === undefined) throw fail('setting', { name: variable, value: shown(variable, value), expected })
    return [key, parsed]
  })
  // Every key of `settings` has been filled in by its own parser.
  const config = Object.fromEntries(entries) as Config
  if (config.url === '') return Object.freeze(config)
  const dir = copyDir(config)
  // Who was started for that very directory is there already.
  return Object.freeze({ ...config, dataDir: basename(config.dataDir) === dir ? config.dataDir : join(config.dataDir, dir) })
}

/**
 * A mesh on a server has a directory of its own beside this machine's: whichever way its servers are written, and as whoever
 * we go there.
 */
function copyDir({ url, mesh }: Pick<Config, 'url' | 'mesh'>): string {
  const servers = withoutSecrets(url)
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^(nats|tls):\/\//, '')
        .replace(/\/$/, ''),
    )
    .filter((entry) => entry !== '')
    .map((entry) => (/:\d+$/.test(entry) ? entry : `${entry}:4222`))
  const { createHash } = process.getBuiltinModule('node:crypto')
  const words = [mesh, ...[...new Set(servers)].sort()].join('\n')
  return `nats-${createHash('sha256').update(words).digest('hex').slice(0, 12)}`
}
