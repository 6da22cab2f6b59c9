import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { systemClock } from '../core/clock.ts'
import type { Environment } from '../core/config.ts'
import { Scope, sleep } from '../core/scope.ts'
import type { HookHandler } from '../peer/hook.ts'
import type { MeshPeer } from '../peer/mesh-peer.ts'
import { projectFrom, recognise, sessionFromCall, sessionFromEnvironment, sessionKeyOf } from './clients.ts'
import { createDelivery, type Delivery } from './delivery.ts'
import { createHooks } from './hooks.ts'
import { asksForChannel, claudeChannel } from './wake/claude-channel.ts'
import { claudeInbox } from './wake/claude-inbox.ts'
import { type CodexThread, codexQueue, threadOf } from './wake/codex-queue.ts'
import type { WakeRoute } from './waking.ts'

/** A client that never answers where it works must not keep its agent from the mesh. */
const ROOTS_TIMEOUT_MS = 1_000

export interface Joined {
  readonly peer: MeshPeer
  readonly delivery: Delivery
  /** Answers the agent's hooks. */
  readonly hooks: HookHandler
}

export interface Session {
  /** The peer behind this MCP connection. Joins at the first call; a failure is thrown, and tried anew next time. */
  join(): Promise<Joined>
  /** What a call's `_meta` tells about the session. */
  recogniseCall(joined: Joined, meta: Record<string, unknown> | undefined): Promise<void>
  /** What a hook of the agent's tells about the session. */
  recogniseHook(joined: Joined, id: string): Promise<void>
  moved(): Promise<void>
  leave(): Promise<void>
}

interface SessionOptions {
  readonly env: Environment
  readonly cwd: string
  readonly stderr: (line: string) => void
  /** The words that started the client, as far as they can be seen. */
  readonly client: () => readonly string[]
}

/** What agents' configurations call this server. */
export const SERVER_NAME = 'slm-mesh'

/** Turns an MCP connection into a peer: who the client is, which session, which project. */
export function createSession(server: Server, on: SessionOptions): Session {
  const scope = new Scope()
  let joining: Promise<Joined> | undefined
  let thread: CodexThread | undefined

  async function projectPath(): Promise<string> {
    const roots = server.getClientCapabilities()?.roots
      ? await Promise.race([
          server.listRoots(undefined, { timeout: ROOTS_TIMEOUT_MS }).then(({ roots }) => roots.map(({ uri }) => uri)),
          sleep(ROOTS_TIMEOUT_MS, scope.signal).then(() => []),
        ]).catch(() => [])
      : []
    return projectFrom(roots, on.env, on.cwd)
  }

  /** Where this agent can be woken from outside its hooks, the surest first. */
  function routes(): WakeRoute[] {
    const type = agentType()
    if (type === 'codex') return [codexQueue(on.env, () => thread)]
    if (type !== 'claude-code') return []
    return [claudeInbox(on.env), claudeChannel(server, asksForChannel(on.client(), SERVER_NAME))].filter((r) => r !== undefined)
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
    const delivery = createDelivery(peer, { routes: routes(), clock: systemClock, editing: peer.editing })
    scope.defer(() => delivery[Symbol.asyncDispose]())
    const hooks = createHooks({ delivery, editing: peer.editing })
    peer.onHook(hooks)
    return { peer, delivery, hooks }
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
      if (type === 'codex') thread = threadOf(meta) ?? thread
      const sessionKey = sessionFromCall(type, meta) ?? sessionFromEnvironment(type, on.env)
      if (sessionKey !== undefined) await peer.claimSession(sessionKey)
    },
    async recogniseHook({ peer }, id) {
      if (id !== '') await peer.claimSession(sessionKeyOf(agentType(), id))
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
