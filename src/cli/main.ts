import { Command, CommanderError, Option } from 'commander'
import { MeshError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'
import type { Invocation } from './invocation.ts'

/** The program for people and scripts. Each command is one file in `commands/`, loaded when it is asked for. */

/** Exit codes: 0 ok, 1 failed, 2 usage, 3 nothing running or not found. */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** Runs one command line. Resolves to the exit code. */
export async function main(args: readonly string[], options: Invocation): Promise<number> {
  const { terminal } = options
  let code = 0
  const program = new Command('slm-mesh')
    .description('AI coding sessions on one machine discover each other, talk, share state and lock files.')
    .version(VERSION, '-V, --version')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .addHelpText('after', '\nWithout a command and with a pipe as standard input, it is an MCP server, as agents start it.')

  program.command('mcp').description('serve one agent session over stdio; agents start this themselves')

  program
    .command('demo')
    .description('show the mesh at work: three real sessions in a temporary directory')
    .addOption(new Option('--json', 'print one JSON document'))
    .addHelpText('after', '\nExamples:\n  slm-mesh demo\n  slm-mesh demo --json | jq .figures')
    .action(async (given: { json?: boolean }) => {
      const { demo } = await import('./commands/demo.ts')
      code = await demo({ ...options, json: given.json ?? false })
    })

  program
    .command('version')
    .description('print the version')
    .action(() => terminal.out(`${VERSION}\n`))

  if (args.length === 0) {
    program.outputHelp()
    return 0
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // Commander has said what was wrong with the words; help and version end this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    const isSystemError = error instanceof Error && 'syscall' in error
    if (!(error instanceof MeshError || isSystemError)) throw error
    terminal.err(`slm-mesh: ${error.message}\n`)
    return error instanceof MeshError && error.code === 'setting' ? EXIT_USAGE : EXIT_FAILED
  }
}
