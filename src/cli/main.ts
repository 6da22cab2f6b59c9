import { Command, CommanderError } from 'commander'
import { VERSION } from '../core/version.ts'
import { common, complain, createRunner, type Define } from './command.ts'
import { EXIT_OK, EXIT_USAGE } from './failures.ts'
import type { Invocation } from './invocation.ts'

/** The program for people and scripts. Each command is one file in `commands/`, loaded when it is asked for. */

interface Entry {
  readonly summary: string
  readonly load: () => Promise<{ define: Define }>
}

/** In the order in which the help lists them. */
const commands: Readonly<Record<string, Entry>> = {
  status: { summary: 'the leader, the peers, counts, and what is wrong', load: () => import('./commands/status.ts') },
  peers: { summary: 'who is on the mesh', load: () => import('./commands/peers.ts') },
  send: { summary: 'send a message to one session', load: () => import('./commands/send.ts') },
  broadcast: { summary: 'send a message to all that live', load: () => import('./commands/broadcast.ts') },
  inbox: { summary: 'read what agents have written to you, or look into a mailbox', load: () => import('./commands/inbox.ts') },
  state: { summary: 'the values that all share', load: () => import('./commands/state.ts') },
  lock: { summary: 'who may edit what', load: () => import('./commands/lock.ts') },
  guard: { summary: 'a git hook that refuses commits of files that others hold', load: () => import('./commands/guard.ts') },
  events: { summary: 'what happened, and what happens', load: () => import('./commands/events.ts') },
  watch: { summary: 'a live view of peers, mail, locks and events', load: () => import('./commands/watch.ts') },
  ui: { summary: 'the dashboard: the mesh in a browser', load: () => import('./commands/ui.ts') },
  start: { summary: 'keep the mesh served with no session open', load: () => import('./commands/start.ts') },
  stop: { summary: 'end what start has started; sessions go on', load: () => import('./commands/stop.ts') },
  setup: { summary: 'set up the agents on this machine, or take it out again', load: () => import('./commands/setup.ts') },
  export: {
    summary: 'write shared values and unread mail to a file, to take them along',
    load: () => import('./commands/export.ts'),
  },
  import: { summary: 'bring in what export wrote', load: () => import('./commands/import.ts') },
  init: { summary: 'make the mesh on NATS servers, for several machines', load: () => import('./commands/init.ts') },
  doctor: {
    summary: 'check this machine and the mesh on it; each finding with its fix',
    load: () => import('./commands/doctor.ts'),
  },
  hook: { summary: "what agents' hooks call: mail for the agent, and locks", load: () => import('./commands/hook.ts') },
  clean: { summary: 'remove what dead processes left behind', load: () => import('./commands/clean.ts') },
  logs: { summary: 'what the peers have logged', load: () => import('./commands/logs.ts') },
  completion: { summary: 'print the completions of a shell', load: () => import('./commands/completion.ts') },
  demo: {
    summary: 'show the mesh at work: three real sessions in a temporary directory',
    load: () => import('./commands/demo.ts'),
  },
  version: { summary: 'print the version', load: () => import('./commands/version.ts') },
}

/** The whole command line, or with `only` one command's part of it: what is not asked for is not loaded. */
export async function buildProgram(invocation: Invocation, only?: string) {
  const { terminal } = invocation
  const runner = createRunner(invocation)
  const program = new Command('slm-mesh')
    .description('AI coding sessions on one machine discover each other, talk, share state and lock files.')
    .version(VERSION, '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => terminal.size().columns,
      getErrHelpWidth: () => terminal.size().columns,
    })
    .addHelpText('after', '\nWithout a command and with a pipe as standard input, it is an MCP server, as agents start it.')
  common(program)
  program.command('mcp').description('serve one agent session over stdio; agents start this themselves')
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary)
    if (only === undefined || only === name) (await load()).define(common(command), runner.handle)
  }
  return { program, exitCode: runner.exitCode }
}

/** Runs one command line. Resolves to the exit code. */
export async function main(args: readonly string[], invocation: Invocation): Promise<number> {
  if (args[0] === '__complete') {
    const { complete } = await import('./complete.ts')
    return complete(args.slice(args[1] === '--' ? 2 : 1), invocation, buildProgram)
  }
  const words = args.filter((arg) => !arg.startsWith('-') && Object.hasOwn(commands, arg))
  // `help status` shows the second word's help; otherwise the first known word is the command.
  const { program, exitCode } = await buildProgram(invocation, words[0] ?? (args.length === 0 ? 'status' : ''))
  try {
    if (args.length === 0) {
      if (invocation.terminal.isTty) {
        await program.parseAsync(['status'], { from: 'user' })
        invocation.terminal.out('\n')
      }
      program.outputHelp()
      return EXIT_OK
    }
    await program.parseAsync(args, { from: 'user' })
    return exitCode()
  } catch (error) {
    // Commander has said what was wrong with the words; help and version end this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    return complain(error, invocation, args.includes('--json'))
  }
}
