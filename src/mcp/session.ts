import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { Environment } from '../core/config.ts'
import { Scope, sleep } from '../core/scope.ts'
import type { MeshPeer } from '../peer/peer.ts'
import { projectFrom, recognise, sessionFromCall, sessionFromEnvironment } from './clients.ts'
import { createDelivery } from './delivery.ts'

/** A client that never answers where it works must not keep its agent from the mesh. */
const ROOTS_TIMEOUT_MS = 1_000

export interface Joined {
  readonly peer: MeshPeer
  readonly delivery: ReturnType<typeof createDelivery>
}

export interface Session {
  /** The peer behind this MCP connection. Joins at the first call; a failure is thrown, and tried anew next time. */
  join(): Promise<Joined>
  /** What a call's `_meta` tells about the session. */
  recogniseCall(joined: Joined, meta: Record<string, unknown> | undefined): Promise<void>
  moved(): Promise<void>
  leave(): Promise<void>
}

/** Turns an MCP connection into a peer: who the client is, which session, which project. */
export function createSession(server: Server, on: { env: Environment; cwd: string; stderr: (line: string) => void }): Session {
  const scope = new Scope()
  let joining: Promise<Joined> | undefined

  async function projectPath(): Promise<string> {
    const roots = server.getClientCapabilities()?.roots
      ? await Promise.race([
          server.listRoots(undefined, { timeout: ROOTS_TIMEOUT_MS }).then(({ roots }) => roots.map(({ uri }) => uri)),
          sleep(ROOTS_TIMEOUT_MS, scope.signal).then(() => []),
        ]).catch(() => [])
      : []
    return projectFrom(roots, on.env, on.cwd)
  }

  const agentType = () => recognise(server.getClientVersion()?.name, on.env)

  async function start(): Promise<Joined> {
    // Loaded now, not at start: SQLite and the rest are not needed to list tools.
    const [{ joinMesh }, path] = await Promise.all([import('../peer/peer.ts'), projectPath()])
    const sessionKey = sessionFromEnvironment(agentType(), on.env)
    const peer = await joinMesh({
      env: on.env,
      agentType: agentType(),
      projectPath: path,
      stderr: on.stderr,
      signal: scope.signal,
      ...(sessionKey !== undefined && { sessionKey }),
    })
    if (scope.signal.aborted) await peer.leave()
    else scope.defer(() => peer.leave())
    return { peer, delivery: createDelivery(peer) }
  }

  return {
    join() {
      joining ??= start().catch((error: unknown) => {
        joining = undefined
        throw error
      })
      return joining
    },
    async recogniseCall({ peer }, meta) {
      const type = agentType()
      const sessionKey = sessionFromCall(type, meta) ?? sessionFromEnvironment(type, on.env)
      if (sessionKey !== undefined) await peer.claimSession(sessionKey)
    },
    async moved() {
      const joined = await joining
      await joined?.peer.moveTo(await projectPath())
    },
    async leave() {
      await scope[Symbol.asyncDispose]()
      // A join that is under way sees that it is no longer wanted, and leaves again: its socket must not stay behind.
      await joining?.catch(() => {})
    },
  }
}
