import type { Command } from 'commander'
import { type Config, readConfig } from '../core/config.ts'
import { type Code, type Facts, fail, isFailure, MeshError } from '../core/errors.ts'
import { type Layout, layoutOf } from '../core/paths.ts'
import { Scope } from '../core/scope.ts'
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, failures } from './failures.ts'
import type { Invocation } from './invocation.ts'
import type { Mesh } from './mesh.ts'
import { paint, safe, safeLines } from './terminal.ts'

/** What every command is made of: its words, and a desk with all that it may use. */

export interface Desk extends Invocation {
  readonly config: Config
  readonly layout: Layout
  /** One JSON document on standard output, and nothing else. */
  readonly json: boolean
  /** Closed when the command has ended, however it ends. */
  readonly scope: Scope
  /**
   * The mesh: through its leader, or through the file itself. Where there is none yet, a command that only looks is told
   * (`not_found`, exit 3); with `create`, one is made.
   */
  open(options?: { create?: boolean }): Promise<Mesh>
  /** Prints the result: a document for programs (with `ok: true`), or text for people. */
  answer(document: object, text: () => string): void
  /** Something beside the result, for people only. */
  remark(text: string): void
}

/** A word of the call, or all of them where the last argument takes several. */
type Argument = string | string[]

/** Resolves to the exit code; nothing is 0. Failures are thrown. */
type Run<O, A extends readonly Argument[]> = (desk: Desk, options: O, ...args: A) => Promise<number | undefined>

/** Makes a commander action of a command's function. */
export type Handle = <O, A extends readonly Argument[]>(run: Run<O, A>) => (...given: unknown[]) => Promise<void>

/** A command file's one export: declares arguments, options and examples on `command`, and what to do. */
export type Define = (command: Command, handle: Handle) => void

/** What every command takes. */
export function common(command: Command): Command {
  return command
    .option('--json', 'print one JSON document and nothing else')
    .option('--data-dir <dir>', "the mesh's directory (default: SLM_MESH_DATA_DIR, else ~/.slm-mesh)")
}

/** `Examples:` at the end of a help text, as every command has them. */
export const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`

/** Whether the words of a call can be understood at all: exit 2, like commander's own complaints. */
export const misused = (what: string) => fail('invalid', { operation: 'slm-mesh', issues: [what] })

/** A whole number among the options, for commander. */
export const wholeNumber = (name: string, min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max) throw misused(`--${name} must be a whole number from ${min} to ${max}`)
  return value
}

/** Runs commands for one invocation, and keeps the exit code of what ran. */
export function createRunner(invocation: Invocation) {
  let code: number = EXIT_OK
  const handle: Handle =
    (run) =>
    async (...given) => {
      // Commander passes the arguments, then the options, then the command.
      const command = given.at(-1) as Command
      const args = given.slice(0, -2)
      const options = command.optsWithGlobals()
      code = await atDesk(invocation, options, (desk) =>
        // Commander has parsed what the command itself has declared: these are its options and arguments.
        run(desk, options as never, ...(args as never)),
      )
    }
  return { handle, exitCode: () => code }
}

async function atDesk(
  invocation: Invocation,
  options: { json?: boolean; dataDir?: string },
  run: (desk: Desk) => Promise<number | undefined>,
): Promise<number> {
  const json = options.json ?? false
  const scope = new Scope()
  scope.keepAlive()
  let opened: Mesh | undefined
  try {
    const config = readConfig(
      options.dataDir === undefined ? invocation.env : { ...invocation.env, SLM_MESH_DATA_DIR: options.dataDir },
    )
    const layout = layoutOf(config.dataDir)
    const { terminal } = invocation
    const desk: Desk = {
      ...invocation,
      config,
      layout,
      json,
      scope,
      async open(wanted = {}) {
        const { connect } = await import('./connect.ts')
        const mesh = await connect(desk, wanted.create ?? false)
        scope.defer(() => mesh[Symbol.asyncDispose]())
        if (mesh.why !== null) desk.remark(mesh.why)
        opened = mesh
        return mesh
      },
      answer: (document, text) => {
        if (json) return terminal.out(`${asDocument({ ok: true, ...document })}\n`)
        const written = text()
        if (written !== '') terminal.out(`${written}\n`)
      },
      remark: (text) => {
        if (!json) terminal.err(`${paint(terminal, 'dim', text)}\n`)
      },
    }
    const code = (await run(desk)) ?? EXIT_OK
    const outage = opened?.outage() ?? null
    if (outage !== null) desk.remark(safe(outage))
    return code
  } catch (error) {
    // It was this call's own end that cancelled what it waited for.
    if (isFailure(error, 'cancelled') && invocation.signal.aborted) return EXIT_INTERRUPTED
    return complain(error, invocation, json)
  } finally {
    await scope[Symbol.asyncDispose]()
  }
}

/** JSON in which nothing is left that a terminal would obey: JSON itself lets C1 controls and bidirectional marks through. */
export const asDocument = (value: object, indent: number | undefined = 2) => safeLines(JSON.stringify(value, null, indent))

/** One line on stderr; with `--json` also the error as a document. What is no failure of ours is a bug, and shown as one. */
export function complain(error: unknown, { terminal }: Invocation, json: boolean): number {
  if (error instanceof MeshError) {
    const { exit, hint } = describe(error)
    if (json) terminal.out(`${asDocument({ ok: false, error: error.message, code: error.code, facts: error.facts })}\n`)
    terminal.err(`slm-mesh: ${safe(error.message.replace(/^slm-mesh: /, ''))}${hint ? ` (${hint})` : ''}\n`)
    return exit
  }
  const isSystemError = error instanceof Error && 'syscall' in error
  if (!isSystemError) throw error
  if (json) terminal.out(`${asDocument({ ok: false, error: error.message, code: 'storage' })}\n`)
  terminal.err(`slm-mesh: ${safe(error.message)}\n`)
  return EXIT_FAILED
}

function describe<C extends Code>(error: MeshError<C>): { exit: number; hint: string | undefined } {
  const { exit, hint } = failures[error.code]
  return { exit, hint: typeof hint === 'function' ? hint(error.facts as Facts[C]) : hint }
}
