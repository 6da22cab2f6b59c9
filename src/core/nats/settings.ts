import { type Config, withoutSecrets } from '../config.ts'
import { fail } from '../errors.ts'

/** Where a mesh of several machines lives, and as whom we go there. Pure, and without the client: every command reads it. */
export interface NatsSettings {
  /** The name of the mesh: meshes on one server are apart by it. */
  readonly mesh: string
  /** `host:port`, sorted, each once: whoever names the same servers in another order means the same mesh. */
  readonly servers: readonly string[]
  /** The connection must be encrypted (`tls://`); with `nats://` it is where the server offers it. */
  readonly tls: boolean
  /** Who signed the servers' certificates, a PEM file; none: whom the system trusts. */
  readonly caFile: string | undefined
  readonly credentials: Credentials
  /** For people: no secret in it. */
  readonly url: string
}

/** A file, or words; words never come from a command line, where every user of the machine can read them. */
type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'user'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }

type Given = Pick<Config, 'url' | 'mesh' | 'creds' | 'user' | 'password' | 'token' | 'ca'>

const DEFAULT_PORT = 4222
const EXPECTED = 'nats://host:4222 or tls://host:4222, several separated by commas'

/** What the settings say of a server; undefined where the mesh is this machine's file. Throws `setting`. */
export function natsSettings(config: Given): NatsSettings | undefined {
  if (config.url === '') return undefined
  const entries = config.url
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  const all = entries.map(addressOf)
  const schemes = new Set(all.flatMap(({ scheme }) => scheme ?? []))
  // One connection is either encrypted or not, whichever server it reaches.
  if (all.length === 0 || schemes.size > 1) throw wrong(config.url)
  const tls = schemes.has('tls')
  const servers = [...new Set(all.map(({ server }) => server))].sort()
  const inUrl = all.find(({ user }) => user !== '')
  return {
    mesh: config.mesh,
    servers,
    tls,
    caFile: config.ca === '' ? undefined : config.ca,
    credentials: credentialsOf(config, inUrl),
    url: servers.map((server) => `${tls ? 'tls' : 'nats'}://${server}`).join(','),
  }
}

/** What stands in a URL counts least: whoever also names a file or a user has chosen those. */
function credentialsOf(
  { creds, user, password, token }: Given,
  inUrl: { user: string; password: string | undefined } | undefined,
): Credentials {
  if (creds !== '') return { kind: 'file', path: creds }
  if (user !== '') return { kind: 'user', user, password }
  if (token !== '') return { kind: 'token', token }
  if (!inUrl) return { kind: 'none' }
  return inUrl.password === undefined
    ? { kind: 'token', token: inUrl.user }
    : { kind: 'user', user: inUrl.user, password: inUrl.password }
}

/** As NATS writes it: a user without a password is a token. */
function addressOf(entry: string) {
  const match = /^(?:(nats|tls):\/\/)?(?:([^:@/]*)(?::([^@/]*))?@)?(\[[0-9a-fA-F:.]+\]|[^:/@[\]\s]+)(?::(\d{1,5}))?\/?$/.exec(
    entry,
  )
  const [, scheme, user = '', password, host = '', port = String(DEFAULT_PORT)] = match ?? []
  if (!match || Number(port) < 1 || Number(port) > 65_535) throw wrong(entry)
  return {
    server: `${host.toLowerCase()}:${Number(port)}`,
    scheme,
    user: plain(user, entry),
    password: password === undefined ? undefined : plain(password, entry),
  }
}

function plain(text: string, entry: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong(entry)
  }
}

const wrong = (value: string) => fail('setting', { name: 'SLM_MESH_URL', value: withoutSecrets(value), expected: EXPECTED })

/** What everything of one mesh is called on the server. */
export interface MeshNames {
  readonly stream: string
  readonly log: string
  readonly snapshot: string
  /** Followed by the snapshot's sequence and the chunk's number. */
  readonly chunk: string
  /** Answers to our requests come here: with the library's own prefix a user of one mesh could read those of another. */
  readonly inbox: string
}

export const namesOf = (mesh: string): MeshNames => ({
  stream: `SLM_MESH_${mesh}`,
  log: `slm.${mesh}.log`,
  snapshot: `slm.${mesh}.snapshot`,
  chunk: `slm.${mesh}.chunk`,
  inbox: `slm.${mesh}.inbox`,
})
