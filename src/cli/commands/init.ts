import { readConfig } from '../../core/config.ts'
import { permissionsFor } from '../../core/nats/permissions.ts'
import { type NatsSettings, namesOf, natsSettings } from '../../core/nats/settings.ts'
import { type Define, type Desk, examples, misused, wholeNumber } from '../command.ts'
import { passwordVariable, serverFile } from './init/server-file.ts'

interface Options {
  url?: string
  mesh?: string[]
  replicas?: number
  maxBytes?: number
  print?: boolean
}

export const define: Define = (command, handle) => {
  command
    .option('--url <url>', 'the NATS servers (default: SLM_MESH_URL); no passwords in it')
    .option('--mesh <names...>', 'the name of the mesh (default: SLM_MESH_MESH); several with --print')
    .option('--replicas <count>', 'copies of everything: 1, 3 or 5', oddUpToFive)
    .option('--max-bytes <bytes>', 'room that the server reserves for it', wholeNumber('max-bytes', 1_000_000, 999_999_999_999))
    .option('--print', 'only print the configuration: nothing is connected to')
    .addHelpText(
      'after',
      `\nIt makes the mesh's stream on the server, or sets right the one that is there,\nand prints a configuration for the server that a team can use: TLS, an account\nand the subject permissions of each mesh. Credentials come from SLM_MESH_CREDS,\nor SLM_MESH_USER and SLM_MESH_PASSWORD, or SLM_MESH_TOKEN.\n${examples('slm-mesh init --print --url tls://a:4222,b:4222,c:4222 > nats-server.conf', 'slm-mesh init --url tls://a:4222,b:4222,c:4222 --replicas 3')}`,
    )
    .action(handle(init))
}

const oddUpToFive = (text: string) => {
  if (!/^[135]$/.test(text)) throw misused('--replicas must be 1, 3 or 5: of an even number, half may be lost and no more')
  return Number(text)
}

const EXAMPLES = [
  'nats-1.example:4222',
  'nats-2.example:4222',
  'nats-3.example:4222',
  'nats-4.example:4222',
  'nats-5.example:4222',
]

async function init(desk: Desk, { url, mesh, replicas, maxBytes, print = false }: Options): Promise<undefined> {
  if (url?.includes('@'))
    throw misused(
      'every user of this machine can read a command line: credentials come from SLM_MESH_CREDS, SLM_MESH_USER and SLM_MESH_PASSWORD, or SLM_MESH_TOKEN',
    )
  const meshes = (mesh ?? [desk.config.mesh]).map((name) => readConfig({ SLM_MESH_MESH: name }).mesh)
  const [first = desk.config.mesh] = meshes
  const settings = natsSettings({ ...desk.config, url: url ?? desk.config.url, mesh: first })
  if (!print && meshes.length > 1) throw misused('one mesh at a time: each has credentials of its own')
  if (!print && !settings) throw misused('--url or SLM_MESH_URL names the server; --print needs none')
  const made = print || !settings ? undefined : await makeStream(settings, replicas, maxBytes)
  const named = settings?.servers ?? []
  const servers = [...named, ...EXAMPLES].slice(0, Math.max(named.length, replicas ?? made?.replicas ?? 1))
  const permissions = Object.fromEntries(meshes.map((name) => [name, permissionsFor(name)]))
  const notes = [...(made ? [storyOf(made, settings?.url ?? ''), ''] : []), ...clientNotes(servers, meshes)]
  const serverConfig = serverFile({ meshes, servers, notes })
  desk.answer({ ...made, url: settings?.url ?? null, meshes, permissions, serverConfig }, () => serverConfig.trimEnd())
}

interface Made {
  readonly stream: string
  readonly created: boolean
  readonly replicas: number
}

async function makeStream(settings: NatsSettings, replicas: number | undefined, maxBytes: number | undefined): Promise<Made> {
  const { initStream } = await import('../../core/nats/init.ts')
  const { created, info } = await initStream(settings, { replicas, maxBytes })
  return { stream: namesOf(settings.mesh).stream, created, replicas: info.config.num_replicas }
}

const storyOf = ({ stream, created, replicas }: Made, url: string) =>
  `${stream} ${created ? 'has been made' : 'is there'} on ${url}, with ${replicas === 1 ? 'one copy' : `${replicas} copies`} of everything.`

const clientNotes = (servers: readonly string[], meshes: readonly string[]): string[] => [
  'Each machine of the team, in the environment of its agents (SLM_MESH_CA where the authority is your own):',
  ...meshes.map(
    (mesh) =>
      `  SLM_MESH_URL=tls://${servers.join(',')}${mesh === 'default' ? '' : ` SLM_MESH_MESH=${mesh}`} SLM_MESH_USER=${mesh} SLM_MESH_PASSWORD=...  # ${passwordVariable(mesh)}`,
  ),
  '',
]
