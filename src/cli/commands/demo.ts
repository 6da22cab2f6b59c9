import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monotonicMs } from '../../core/clock.ts'
import { type Define, type Desk, examples } from '../command.ts'
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../failures.ts'
import { paint, type Terminal } from '../terminal.ts'
import { freePort, Session } from './demo/session.ts'
import { type Mesh, type Step, steps } from './demo/story.ts'

/** The story, told: every step runs for real, and one that fails fails the demo. */

interface Told {
  step: string
  ok: boolean
  ms: number
  lines: string[]
}

export const define: Define = (command, handle) => {
  command.addHelpText('after', examples('slm-mesh demo', 'slm-mesh demo --json | jq .figures')).action(handle(demo))
}

export async function demo({
  env,
  terminal,
  signal,
  program,
  json,
}: Pick<Desk, 'env' | 'terminal' | 'signal' | 'program' | 'json'>): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'slm-mesh-demo-'))
  const project = join(home, 'project')
  mkdirSync(project)
  const port = await freePort()
  const start = (agent: string) =>
    Session.start({ agent, program, project, dataDir: join(home, 'mesh'), port, path: env.PATH ?? '' })
  const mesh: Mesh = { sessions: [], start, health: `http://127.0.0.1:${port}/health`, project, figures: {} }
  const write = json ? () => {} : terminal.out
  const told: Told[] = []
  // A step that waits for a killed session fails, and the end of the story cleans up.
  signal.addEventListener('abort', () => mesh.sessions.forEach((session) => void session.child.kill('SIGKILL')), { once: true })

  write(
    `${paint(terminal, 'bold', 'SLM Mesh')}: three real sessions, each an MCP server of its own, with no broker between them.\n`,
  )
  write(`${paint(terminal, 'dim', `They meet in ${home}, which is removed at the end.`)}\n\n`)
  try {
    for (const step of steps) {
      const result = await tell(step, mesh)
      told.push(result)
      write(render(terminal, result, told.length))
      if (!result.ok || signal.aborted) break
    }
  } finally {
    await Promise.all(mesh.sessions.map((session) => session.end()))
    rmSync(home, { recursive: true, force: true })
  }

  if (signal.aborted) return EXIT_INTERRUPTED
  const ok = told.length === steps.length && told.every((step) => step.ok)
  if (json) terminal.out(`${JSON.stringify({ ok, figures: mesh.figures, steps: told }, null, 2)}\n`)
  else if (ok) write(`${paint(terminal, 'green', 'All of it was real.')} Set it up for your agents: see the README.\n`)
  else terminal.err(`slm-mesh: the demo failed at "${told.at(-1)?.step}"\n`)
  return ok ? EXIT_OK : EXIT_FAILED
}

async function tell(step: Step, mesh: Mesh): Promise<Told> {
  const startedAt = monotonicMs()
  const done = (ok: boolean, lines: string[]) => ({ step: step.title, ok, ms: Math.round(monotonicMs() - startedAt), lines })
  try {
    return done(true, await step.run(mesh))
  } catch (error) {
    return done(false, [error instanceof Error ? error.message : String(error)])
  }
}

function render(terminal: Terminal, { step, ok, ms, lines }: Told, number: number): string {
  const mark = ok ? paint(terminal, 'green', '✓') : paint(terminal, 'red', '✗')
  const head = `${mark} ${paint(terminal, 'bold', `${number}. ${step}`)} ${paint(terminal, 'dim', `${ms} ms`)}`
  // Names and figures stand between backticks; on a terminal their colour is enough.
  const body = lines.map(
    (line) =>
      `    ${terminal.colour ? line.replace(/`([^`]*)`/g, (_, word: string) => paint(terminal, 'cyan', word)) : line.replaceAll('`', '')}`,
  )
  return `${[head, ...body].join('\n')}\n\n`
}
