import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFailed } from 'vitest'
import { eventually } from './eventually.ts'

/** A real agent's program, where there is one, and a script in the place of its model. */

/** One turn of the model: a call of a tool, a patch for a free-form tool, or words that end its turn. */
export interface Turn {
  readonly tool?: string
  readonly input?: Record<string, unknown>
  readonly namespace?: string
  readonly patch?: string
  readonly text?: string
  /** The model thinks until the test says `goOn`. */
  readonly waits?: boolean
}

/** What the model was asked: the tools that it could have called, and all that it could read. */
export interface Asked {
  readonly tools: readonly string[]
  readonly messages: readonly unknown[]
  /** All of it, as JSON. */
  readonly text: string
}

/** How often the model could read that text in what it was asked. */
export const timesRead = ({ text }: Asked, what: string): number => text.split(what).length - 1

/** An agent's program in SLM_MESH_TEST_AGENTS or on PATH. Undefined: tests that need it are skipped. */
export function programNamed(name: string): string | undefined {
  const folders = [process.env.SLM_MESH_TEST_AGENTS ?? '', ...(process.env.PATH ?? '').split(delimiter)]
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

export class StandIn implements AsyncDisposable {
  readonly #turns: Turn[]
  readonly #ended: Promise<unknown>

  private constructor(
    readonly port: number,
    readonly child: ChildProcess,
    readonly script: string,
    readonly log: string,
    turns: readonly Turn[],
  ) {
    this.#turns = [...turns]
    this.#ended = new Promise((resolve) => child.once('close', resolve))
    onTestFailed(() => {
      const newest = this.asked().at(-1)
      if (newest) console.error(`--- what the model was asked last\n${JSON.stringify(newest.messages.slice(-4), null, 1)}`)
    })
  }

  /** `program` is one of `test/programs`; its script and log stand in `dir`. */
  static async start(program: string, dir: string, turns: readonly Turn[]): Promise<StandIn> {
    const script = join(dir, 'script.json')
    const log = join(dir, 'asked.jsonl')
    writeFileSync(script, JSON.stringify(turns))
    const path = fileURLToPath(new URL(`../programs/${program}`, import.meta.url))
    const child = spawn(process.execPath, [path, script, log], { stdio: ['ignore', 'pipe', 'inherit'] })
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (line) => resolve(Number(line)))
      child.once('close', () => reject(new Error(`${program} has ended`)))
    })
    return new StandIn(port, child, script, log, turns)
  }

  /** More turns, after those that it has. */
  play(...turns: readonly Turn[]): void {
    this.#turns.push(...turns)
    this.#write()
  }

  /** Until the model has been asked so many times. */
  wasAsked(times: number): Promise<Asked> {
    return eventually(() => this.asked()[times - 1])
  }

  /** Ends the first of its waits. */
  goOn(): void {
    const at = this.#turns.findIndex(({ waits }) => waits)
    this.#turns[at] = { ...this.#turns[at], waits: false }
    this.#write()
  }

  /** At once: it may be read at any moment. */
  #write(): void {
    writeFileSync(`${this.script}.new`, JSON.stringify(this.#turns))
    renameSync(`${this.script}.new`, this.script)
  }

  /** What the model was asked so far, a request a turn. */
  asked(): Asked[] {
    if (!existsSync(this.log)) return []
    return readFileSync(this.log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ ...JSON.parse(line), text: line }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.#ended
  }
}
