import { permissionsFor } from '../../../core/nats/permissions.ts'

/** A configuration of nats-server for a team: a file as it can be written down, whose comments say what is left to do. Pure. */

export interface Wanted {
  /** Each has an account, a user and a password of its own. */
  readonly meshes: readonly string[]
  /** `host:port`, one a server. */
  readonly servers: readonly string[]
  /** Said at its head. */
  readonly notes?: readonly string[]
}

const NATS_PORT = 4222
const ROUTE_PORT = 6222
/** What doctor asks for when nothing else is set. */
export const MONITOR_PORT = 8222

/** In the environment of nats-server, so that the file holds no secret. */
export const passwordVariable = (mesh: string) => `SLM_MESH_PASSWORD_${mesh.toUpperCase().replaceAll('-', '_')}`

export function serverFile({ meshes, servers, notes = [] }: Wanted): string {
  const hosts = servers.map((server) => server.replace(/:\d+$/, ''))
  const port = Number(/:(\d+)$/.exec(servers[0] ?? '')?.[1] ?? NATS_PORT)
  const isCluster = servers.length > 1
  return `${[...notes, ...headOf(meshes, isCluster)].map((line) => `# ${line}`.trimEnd()).join('\n')}

server_name: $NATS_NAME
listen: "0.0.0.0:${port}"
# For slm-mesh doctor on this machine: it tells anybody who asks, so nobody else may.
http: "127.0.0.1:${MONITOR_PORT}"

jetstream {
  store_dir: "/var/lib/nats"
  # Acknowledged means that it is on the disk. The default is that it will be there within two minutes.
  sync_interval: always
}

tls {
  cert_file: "/etc/nats/server.pem"
  key_file: "/etc/nats/server-key.pem"
}
${isCluster ? clusterOf(hosts) : ''}
# An account is a wall: what goes on in one does not exist in another. Within it, each user has what a session needs.
accounts {
${meshes.map(accountOf).join('\n')}
}
`
}

const headOf = (meshes: readonly string[], isCluster: boolean): string[] => [
  `nats-server 2.12 or newer:  nats-server -c nats-server.conf${isCluster ? '  (this one file on each of them)' : ''}`,
  '',
  "In the server's environment; a password begins with a letter, and has letters and digits only:",
  `  export NATS_NAME="$(hostname -s)"`,
  ...meshes.map((mesh) => `  export ${passwordVariable(mesh)}="p$(openssl rand -hex 20)"`),
  '',
  'The same passwords on every server, and on each machine of the team as SLM_MESH_PASSWORD.',
]

function clusterOf(hosts: readonly string[]): string {
  return `
cluster {
  name: "slm-mesh"
  listen: "0.0.0.0:${ROUTE_PORT}"
  routes: [${hosts.map((host) => `"nats-route://${host}:${ROUTE_PORT}"`).join(', ')}]
  # Only servers with a certificate of your own authority.
  tls {
    cert_file: "/etc/nats/server.pem"
    key_file: "/etc/nats/server-key.pem"
    ca_file: "/etc/nats/ca.pem"
    verify: true
  }
}
`
}

function accountOf(mesh: string): string {
  const { publish, subscribe } = permissionsFor(mesh)
  const list = (subjects: readonly string[]) =>
    `[\n${subjects.map((subject) => `            "${subject}"`).join('\n')}\n          ]`
  return `  MESH_${mesh.replaceAll('-', '_')} {
    jetstream: enabled
    users: [
      {
        user: "${mesh}"
        password: $${passwordVariable(mesh)}
        permissions {
          publish: ${list(publish)}
          subscribe: ${list(subscribe)}
        }
      }
    ]
  }`
}
