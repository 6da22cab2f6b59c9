import { type ChildProcess, spawn } from 'node:child_process'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { type CallToolResult, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import type { Caller } from '../../src/core/operations.ts'
import { toolPlaces } from '../../src/mcp/tools.ts'
import { dataDir, meshEnv } from './data-dir.ts'
import { onFailure } from './on-failure.ts'
import { shared } from './shared.ts'

/** The built program as a real MCP server process, driven over stdio by the real MCP client. */

export const PROGRAM = fileURLToPath(new URL('../../dist/slm-mesh.js', import.meta.url))

export interface AgentOptions {
  /** The mesh to join; default: one of its own. */
  readonly dir?: string
  /** `clientInfo.name`. */
  readonly client?: string
  readonly cwd?: string
  /** Offered as MCP roots; default: the client has none. */
  readonly roots?: readonly string[]
  readonly env?: Record<string, string>
  /** The program and its arguments before ours; default: this Node. */
  readonly command?: readonly string[]
  /** Another build of ours, such as an earlier one; default: today's. */
  readonly program?: string
  /** Own process group, so that the group can be killed. */
  readonly detached?: boolean
  /** Told of the process as soon as there is one: before it has initialised. */
  readonly onSpawn?: (child: ChildProcess) => void
}

/** A failed tool call, with the code and facts that the answer carried. */
export class ToolError extends Error {
  constructor(
    readonly code: string,
    readonly facts: Record<string, unknown>,
    message: string,
  ) {
    super(message)
  }
}

export class Agent implements AsyncDisposable {
  #client: Client
  stderr = ''
  readonly exited: Promise<{ code: number | null; signal: string | null }>

  private constructor(
    readonly dir: string,
    readonly child: ChildProcess,
    client: Client,
  ) {
    this.#client = client
    child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  }

  /** Starts the process and, once its client has initialised, waits until it has joined. */
  static async start(options: AgentOptions = {}): Promise<Agent> {
    const agent = await Agent.connect(options)
    await agent.tool('mesh_status', {})
    return agent
  }

  /** Starts the process and initialises; it may not have joined yet, or may be unable to. */
  static async connect(options: AgentOptions = {}): Promise<Agent> {
    const dir = options.dir ?? dataDir()
    const [command = process.execPath, ...before] = options.command ?? [process.execPath]
    const child = spawn(command, [...before, options.program ?? PROGRAM], {
      cwd: options.cwd ?? dirname(dir),
      env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: options.detached ?? false,
    })
    options.onSpawn?.(child)
    const client = new Client(
      { name: options.client ?? 'test-agent', version: '1.0.0' },
      { capabilities: options.roots ? { roots: { listChanged: true } } : {} },
    )
    const roots = options.roots
    if (roots) client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: roots.map((uri) => ({ uri })) }))
    const agent = new Agent(dir, child, client)
    onFailure(() => {
      if (agent.stderr) console.error(`--- stderr of ${child.pid}\n${agent.stderr.slice(-4_000)}`)
    })
    await client.connect(transportOf(child))
    return agent
  }

  get client(): Client {
    return this.#client
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** A tool call as a client makes it; `isError` is for the caller to look at. */
  async tool(name: string, args: Record<string, unknown>, options?: Parameters<Client['callTool']>[2]): Promise<CallToolResult> {
    const result = await this.#client.callTool({ name, arguments: args }, undefined, options)
    // Without a task, the SDK answers with a CallToolResult.
    return result as CallToolResult
  }

  /** The text part of a tool's answer. */
  async text(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const [content] = (await this.tool(name, args)).content
    return content?.type === 'text' ? content.text : ''
  }

  /** Any operation of the mesh, through its tool. Throws `ToolError`. */
  readonly call: Caller = async (operation, input, options) => {
    const place = toolPlaces[operation]
    if (!place) throw new Error(`${operation} is offered by no tool`)
    const [name, action] = place
    const result = await this.tool(name, { ...(action && { action }), ...input }, { timeout: 320_000, ...options })
    if (result.isError) {
      const [content] = result.content
      const error = result._meta?.['slm-mesh/error'] as { code: string; facts: Record<string, unknown> } | undefined // ours
      throw new ToolError(error?.code ?? 'protocol', error?.facts ?? {}, content?.type === 'text' ? content.text : '')
    }
    const { notice: _notice, ...output } = result.structuredContent ?? {}
    return output as never // the operation's output, as the conformance suite checks
  }

  /** The name under which the others know it. */
  async name(): Promise<string> {
    return (await this.call('peer.list', {})).self.name
  }

  /** kill -9, and wait until the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.child.kill(signal)
    await this.exited
  }

  /** The client goes away: it closes the server's standard input. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end()
    this.child.kill('SIGCONT')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 60_000)
    await this.exited
    clearTimeout(timer)
    await this.#client.close()
  }
}

/** Several agents on one mesh. */
export async function startMesh(count: number, options: Omit<AgentOptions, 'dir'> & { dir?: string } = {}) {
  const dir = options.dir ?? dataDir()
  const agents = await Promise.all(Array.from({ length: count }, () => Agent.start({ ...options, dir })))
  return {
    dir,
    agents,
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()))
    },
  }
}

/** One mesh of several agents for all tests of a file or a `describe`. */
export const sharedMesh = (count: number, options: Omit<AgentOptions, 'dir'> = {}) => shared(() => startMesh(count, options))

/** The SDK's own stdio client closes its child gently and hides it; tests need the child itself. */
function transportOf(child: ChildProcess): Transport {
  const buffer = new ReadBuffer()
  const transport: Transport = {
    async start() {
      child.stdout?.on('data', (chunk: Buffer) => {
        buffer.append(chunk)
        for (;;) {
          const message = buffer.readMessage()
          if (message === null) break
          transport.onmessage?.(message)
        }
      })
      child.once('close', () => transport.onclose?.())
      child.stdin?.on('error', () => {})
    },
    async send(message) {
      child.stdin?.write(serializeMessage(message))
    },
    async close() {
      transport.onclose?.()
    },
  }
  return transport
}
