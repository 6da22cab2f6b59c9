import { type ChildProcess, spawn } from 'node:child_process'
import { onTestFailed } from 'vitest'
import { PROGRAM } from './agent.ts'
import { dataDir, meshEnv } from './data-dir.ts'
import { eventually } from './eventually.ts'

/** A client that writes whatever it likes to the built program's standard input, without the SDK in between. */

export interface Answer {
  readonly id?: number | string | null
  readonly result?: { isError?: boolean; content?: { text: string }[]; structuredContent?: Record<string, unknown> }
  readonly error?: { code: number; message: string }
}

export class RawClient implements AsyncDisposable {
  /** Every line that was answered, as it came. */
  readonly answers: Answer[] = []
  readonly #byId = new Map<string, Answer[]>()
  stderr = ''
  #rest = ''
  #lastId = 0
  readonly exited: Promise<{ code: number | null; signal: string | null }>

  private constructor(
    readonly dir: string,
    readonly child: ChildProcess,
  ) {
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
    child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    child.stdin?.on('error', () => {})
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n')
      this.#rest = lines.pop() ?? ''
      for (const line of lines) this.#take(JSON.parse(line) as Answer)
    })
    onTestFailed(() => console.error(`--- stderr of ${child.pid}\n${this.stderr.slice(-4_000)}`))
  }

  static async start({ dir = dataDir(), env = {} }: { dir?: string; env?: Record<string, string> } = {}): Promise<RawClient> {
    const child = spawn(process.execPath, [PROGRAM], {
      cwd: dir.replace(/\/[^/]*$/, ''),
      env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const client = new RawClient(dir, child)
    const clientInfo = { name: 'raw', version: '1' }
    await client.request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo })
    client.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`)
    return client
  }

  #take(answer: Answer): void {
    this.answers.push(answer)
    const key = JSON.stringify(answer.id ?? null)
    this.#byId.set(key, [...(this.#byId.get(key) ?? []), answer])
  }

  write(text: string | Uint8Array): void {
    this.child.stdin?.write(text)
  }

  answersTo(id: number | string | null): readonly Answer[] {
    return this.#byId.get(JSON.stringify(id)) ?? []
  }

  /** Writes one request; `params` is JSON text where it must be what no object can say. Returns its id. */
  send(method: string, params: object | string): number {
    const id = ++this.#lastId
    const text = typeof params === 'string' ? params : JSON.stringify(params)
    this.write(`{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${text}}\n`)
    return id
  }

  async request(method: string, params: object | string): Promise<Answer> {
    const id = this.send(method, params)
    return eventually(() => this.answersTo(id)[0])
  }

  tool(name: string, args: object | string): Promise<Answer> {
    const text = typeof args === 'string' ? args : JSON.stringify(args)
    return this.request('tools/call', `{"name":${JSON.stringify(name)},"arguments":${text}}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin?.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 60_000)
    await this.exited
    clearTimeout(timer)
  }
}
