import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/sdk/shared/stdio.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'

/** One agent session of the demo: the real server in a process of its own, and the real MCP client that drives it. */

/** What a tool answered, as an agent's model and its program see it. */
export interface Answer {
  readonly text: string
  readonly isError: boolean
  // Tools answer with objects of their own shapes; the story picks what it tells.
  // biome-ignore lint/suspicious/noExplicitAny: checked against each tool's output schema by the client
  readonly data: any
}

interface SessionOptions {
  /** `clientInfo.name`. */
  readonly agent: string
  readonly program: string
  readonly project: string
  readonly dataDir: string
  readonly port: number
  readonly path: string
}

export class Session {
  name = ''
  #exited: Promise<unknown>

  private constructor(
    readonly options: SessionOptions,
    readonly child: ChildProcess,
    readonly client: Client,
  ) {
    this.#exited = new Promise((resolve) => child.once('close', resolve))
  }

  static async start(options: SessionOptions): Promise<Session> {
    const { agent, program, project, dataDir, port, path } = options
    const env = {
      PATH: path,
      SLM_MESH_DATA_DIR: dataDir,
      SLM_MESH_PORT: String(port),
      // Claude Code tells its servers which session they belong to; a resumed session keeps its id.
      ...(agent === 'claude-code' && { CLAUDE_CODE_SESSION_ID: 'demo-session' }),
    }
    const child = spawn(process.execPath, [program, 'mcp'], { cwd: project, env, stdio: ['pipe', 'pipe', 'inherit'] })
    const client = new Client({ name: agent, version: '1.0.0' })
    const session = new Session(options, child, client)
    await client.connect(transportOf(child))
    await client.listTools() // from now on the client checks every answer against its tool's schema
    const { data } = await session.call('mesh_peers')
    session.name = data.self.name
    return session
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  call(tool: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return kept(this.#call(tool, args))
  }

  /** A call that must work. */
  must(tool: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return kept(this.#must(tool, args))
  }

  async #call(tool: string, args: Record<string, unknown>): Promise<Answer> {
    // Codex tells with each call which thread makes it.
    // A thread that nobody sits before: no Codex of this machine is to be asked to wake it.
    const thread = { threadId: 'demo-thread', 'x-codex-turn-metadata': { turn_trigger: 'exec' } }
    const _meta = this.options.agent.startsWith('codex') ? thread : {}
    const result = await this.client.callTool({ name: tool, arguments: args, _meta }, CallToolResultSchema, { timeout: 60_000 })
    const [content] = Array.isArray(result.content) ? result.content : []
    return {
      text: content?.type === 'text' ? content.text : '',
      isError: result.isError === true,
      data: result.structuredContent ?? {},
    }
  }

  async #must(tool: string, args: Record<string, unknown>): Promise<Answer> {
    const answer = await this.#call(tool, args)
    if (answer.isError) throw new Error(`${tool} failed for ${this.name}: ${answer.text}`)
    return answer
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#exited
  }

  async end(): Promise<void> {
    this.child.stdin?.end()
    await this.#exited
  }
}

/** An answer that a step may no longer wait for when it comes, or fails: one that failed earlier has ended the step. */
function kept<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => {})
  return answer
}

/** A child's standard streams as an MCP transport; the SDK's own would hide the child that the story kills. */
function transportOf(child: ChildProcess): Transport {
  const buffer = new ReadBuffer()
  const transport: Transport = {
    async start() {
      child.stdout?.on('data', (chunk: Buffer) => {
        buffer.append(chunk)
        for (let message = buffer.readMessage(); message !== null; message = buffer.readMessage()) transport.onmessage?.(message)
      })
      child.stdin?.on('error', () => {})
      child.once('close', () => transport.onclose?.())
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

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
