import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import headless from '@xterm/headless'
import { onTestFailed } from 'vitest'
import { PROGRAM } from './agent.ts'
import { eventually } from './eventually.ts'

/** The built program, or another, in a real pseudo-terminal, and what a person would see there. */

const RUN_IN_PTY = fileURLToPath(new URL('../programs/run-in-pty.py', import.meta.url))

interface Modes {
  readonly echo: boolean
  readonly lines: boolean
}

interface ScreenOptions {
  readonly columns?: number
  readonly rows?: number
  /** The program and its arguments before ours; default: the built program. */
  readonly command?: readonly string[]
  readonly cwd?: string
}

export const createEmulator = (columns: number, rows: number) =>
  new headless.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 100 })

/** Feeds bytes to an emulator; resolves when they are on its screen. */
export const feed = (emulator: InstanceType<typeof headless.Terminal>, bytes: string | Uint8Array) =>
  new Promise<void>((resolve) => emulator.write(bytes, resolve))

/** What stands on an emulator's screen now, line by line. */
export const linesOf = (emulator: InstanceType<typeof headless.Terminal>): string[] => {
  const { active } = emulator.buffer
  return Array.from(
    { length: emulator.rows },
    (_, i) => active.getLine(active.baseY + i)?.translateToString(false, 0, emulator.cols) ?? '',
  )
}

export class Screen implements AsyncDisposable {
  /** All that was ever written to the terminal. */
  raw = ''
  pid = 0
  modes: Modes | undefined
  readonly exited: Promise<{ code: number; modes: Modes | null }>
  readonly #emulator
  readonly #child: ChildProcess

  constructor(
    args: readonly string[],
    env: Record<string, string>,
    { columns = 80, rows = 24, command = [process.execPath, PROGRAM], cwd = process.cwd() }: ScreenOptions = {},
  ) {
    this.#emulator = createEmulator(columns, rows)
    this.#child = spawn('python3', [RUN_IN_PTY, `${columns}x${rows}`, ...command, ...args], {
      cwd,
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.raw += chunk.toString('latin1')
      this.#emulator.write(chunk)
    })
    this.exited = new Promise((resolve, reject) => {
      let said = ''
      this.#child.stderr?.on('data', (chunk) => {
        const lines = (said + chunk).split('\n')
        said = lines.pop() ?? ''
        for (const line of lines.filter((text) => text.startsWith('{'))) {
          const { pid, modes, exit } = JSON.parse(line)
          if (pid !== undefined) this.pid = pid
          if (modes) this.modes = modes
          if (exit !== undefined) resolve({ code: exit, modes })
        }
      })
      this.#child.once('close', () => reject(new Error(`the pseudo-terminal ended: ${said}`)))
    })
    this.exited.catch(() => {})
    onTestFailed(() => console.error(`--- the screen\n${this.lines().join('\n')}`))
  }

  lines = () => linesOf(this.#emulator)
  text = () => this.lines().join('\n')
  get buffer(): 'normal' | 'alternate' {
    return this.#emulator.buffer.active.type
  }

  /** Waits until the screen shows it, and returns the screen. */
  shows(what: string | RegExp, options?: Parameters<typeof eventually>[1]): Promise<string> {
    return eventually(() => {
      const text = this.text()
      if (typeof what === 'string' ? text.includes(what) : what.test(text)) return text
      throw new Error(`the screen does not show ${what}`)
    }, options)
  }

  type = (keys: string) => this.#ask({ type: keys })
  signal = (number: number) => this.#ask({ signal: number })
  hangUp = () => this.#ask({ hangup: true })

  resize(columns: number, rows: number): void {
    this.#emulator.resize(columns, rows)
    this.#ask({ resize: [columns, rows] })
  }

  #ask(request: object): void {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end()
    await this.exited.catch(() => {})
    this.#emulator.dispose()
  }
}
