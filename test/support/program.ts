import { type ChildProcess, spawn } from 'node:child_process'
import { onTestFailed } from 'vitest'
import { PROGRAM } from './agent.ts'

/** The built program as it goes on running, such as `start` in the foreground. Ends with its block. */
export class Program implements AsyncDisposable {
  out = ''
  err = ''
  readonly #child: ChildProcess
  readonly exited: Promise<{ code: number | null; signal: string | null }>

  constructor(args: readonly string[], env: Record<string, string>) {
    this.#child = spawn(process.execPath, [PROGRAM, ...args], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      this.out += chunk
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.err += chunk
    })
    this.exited = new Promise((resolve) => this.#child.once('close', (code, signal) => resolve({ code, signal })))
    onTestFailed(() => console.error(`--- ${args.join(' ')}\n${this.out}\n${this.err}`))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** What it has printed, a JSON document a line. */
  get documents(): Record<string, never>[] {
    return this.out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Its reader goes away. */
  stopReading(): void {
    this.#child.stdout?.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
  }
}
