import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/main.ts'
import { expectStored } from '../support/stored.ts'
import { cliPage } from './cli-page.ts'

/** The whole command line, in front of nobody. */
const whole = async (): Promise<Command> => {
  const terminal = { out: () => {}, err: () => {}, isTty: false, colour: false, size: () => ({ columns: 80, rows: 24 }) }
  const invocation = { env: {}, cwd: '/', terminal, input: async () => '', signal: new AbortController().signal, program: '' }
  return (await buildProgram(invocation)).program
}
const all = (command: Command): Command[] => command.commands.flatMap((inner) => [inner, ...all(inner)])

test('the page about the command line says what the program takes', async () => {
  expectStored('docs/cli.md', cliPage(await whole()))
})

test('every command has a summary, takes --json and --data-dir, and shows examples that call it', async () => {
  const commands = all(await whole()).filter((command) => command.name() !== 'mcp')
  expect(commands.length).toBeGreaterThan(10)
  for (const command of commands) {
    const flags = command.options.map(({ long }) => long)
    expect({ name: command.name(), summary: command.description() }).toEqual({
      name: command.name(),
      summary: expect.stringMatching(/\w/),
    })
    expect({ name: command.name(), flags }).toEqual({
      name: command.name(),
      flags: expect.arrayContaining(['--json', '--data-dir']),
    })
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) })
    command.outputHelp()
    expect(help).toMatch(new RegExp(`\nExamples:\n(.*\n)*.*slm-mesh .*\\b${command.name()}\\b`))
  }
})

test('a help text fits 80 columns, but for examples that are to be copied', async () => {
  for (const command of all(await whole())) {
    let help = ''
    command.configureOutput({ writeOut: (text) => (help += text) })
    command.outputHelp()
    const [prose = ''] = help.split('\nExamples:\n')
    for (const line of prose.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
  }
})
