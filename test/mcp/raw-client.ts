import { type ChildProcess, spawn } from 'node:child_process'
import { PROGRAM } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'

interface Answer {
  id?: unknown
  result?: Record<string, unknown>
  error?: { code: number; message: string }
}

/** A client that writes its own lines and keeps everything that comes back, byte by byte. */
export class RawClient implements AsyncDisposable {
  out = ''
  err = ''
  #id = 100
  readonly exited: Promise<{ code: number | null; signal: string | null }>

  private constructor(
    readonly dir: string,
    readonly child: ChildProcess,
  ) {
    child.stdout?.on('data', (chunk) => {
      this.out += chunk
    })
    child.stderr?.on('data', (chunk) => {
      this.err += chunk
    })
    child.stdin?.on('error', () => {}) // it may be gone already
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  }

  static start(env: Record<string, string> = {}, dir = dataDir()): RawClient {
    const child = spawn(process.execPath, [PROGRAM], {
      env: { PATH: process.env.PATH ?? '', HOME: dir, ...meshEnv(dir), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    return new RawClient(dir, child)
  }

  send(...lines: string[]): void {
    for (const line of lines) this.child.stdin?.write(`${line}\n`)
  }

  async ask(method: string, params: Record<string, unknown> = {}): Promise<Answer> {
    const id = this.#id++
    this.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return eventually(() =>
      this.out
        .split('\n')
        .slice(0, -1)
        .map((line): Answer => JSON.parse(line))
        .find((answer) => answer.id === id),
    )
  }

  async initialize(protocolVersion = '2025-11-25'): Promise<Answer> {
    const clientInfo = { name: 'raw', version: '1' }
    const answer = await this.ask('initialize', { protocolVersion, capabilities: {}, clientInfo })
    this.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }))
    return answer
  }

  end() {
    this.child.stdin?.end()
    return this.exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}
