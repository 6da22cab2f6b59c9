import type { EventEmitter } from 'node:events'
import type { Argument, Command, Option } from 'commander'
import { failures } from '../../src/cli/failures.ts'
import type { Code } from '../../src/core/errors.ts'

/** The page about the command line, made of the program itself. */

export function cliPage(program: Command): string {
  const common = new Set(program.options.map((option) => option.flags))
  return [
    '# The command line',
    'This page is made from the program by `UPDATE_SURFACE=1 npx vitest run test/surface/cli.test.ts`.',
    sentences(program.description()),
    afterHelp(program),
    '## Of every command',
    table(
      ['option', 'meaning'],
      [
        ...program.options,
        ...[
          program
            .createHelp()
            .visibleOptions(program)
            .find((option) => option.long === '--help'),
        ],
      ].flatMap((option) => (option ? [described(option)] : [])),
    ),
    'With a living leader a command speaks to it over HTTP; with none it opens the file itself, and says so on standard error. ' +
      'Tables and colours are for terminals (`NO_COLOR` switches colours off); a program gets whole values between tabs, or with ' +
      '`--json` one document: `{"ok": true, …}`, or `{"ok": false, "error", "code", "facts"}`.',
    '## Exit codes',
    table(['code', 'meaning', 'error codes'], exitCodes()),
    ...program.commands.flatMap((command) => section(command, 2, common)),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

function section(command: Command, level: number, common: ReadonlySet<string>): string[] {
  const options = command.options.filter((option) => !common.has(option.flags))
  const [prose = '', examples = ''] = afterHelp(command).split(/^Examples:\n/m)
  const name = nameOf(command)
  return [
    `${'#'.repeat(level)} ${name}`,
    sentences(command.description()),
    fenced(`slm-mesh ${name} ${command.usage()}`),
    command.registeredArguments.some((argument) => argument.description)
      ? table(['argument', 'meaning'], command.registeredArguments.filter((argument) => argument.description).map(argued))
      : '',
    options.length > 0 ? table(['option', 'meaning'], options.map(described)) : '',
    prose.trim(),
    examples === '' ? '' : fenced(examples.replace(/^ {2}/gm, '').trimEnd()),
    ...command.commands.flatMap((inner) => section(inner, level + 1, common)),
  ]
}

/** `state get`: the words after the program's own name. */
function nameOf(command: Command): string {
  return command.parent?.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
}

/** It is one, though its types do not say so. */
const emitter = (command: Command) => command as unknown as EventEmitter

/** What the help says below the options; commander hands it out in writing only. */
function afterHelp(command: Command): string {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  emitter(command).emit('afterHelp', { error: false, command, write })
  return text.trim()
}

function exitCodes(): string[][] {
  const meanings: Record<number, string> = {
    0: 'done',
    1: 'failed',
    2: 'not understood: nothing was tried',
    3: 'nothing runs, or what was named or waited for is not there',
    130: 'interrupted',
  }
  // Object.keys of a record over Code.
  const codes = Object.keys(failures) as Code[]
  return Object.entries(meanings).map(([exit, meaning]) => [
    exit,
    meaning,
    codes
      .filter((code) => failures[code].exit === Number(exit))
      .map(quoted)
      .join(', '),
  ])
}

const described = (option: Option): string[] => {
  const notes = [
    ...(option.argChoices ? [`one of ${option.argChoices.map(quoted).join(', ')}`] : []),
    ...(option.defaultValue === undefined ? [] : [`default: ${quoted(String(option.defaultValue))}`]),
  ]
  return [quoted(option.flags), `${option.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`]
}

const argued = (argument: Argument): string[] => [
  quoted(argument.name()),
  `${argument.description}${argument.defaultValue === undefined ? '' : ` (default: ${quoted(String(argument.defaultValue))})`}`,
]

const quoted = (text: string) => `\`${text}\``
const fenced = (text: string) => `\`\`\`sh\n${text}\n\`\`\``
const sentences = (text: string) => (text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/[.]?$/, '.')}`)
const table = (titles: string[], rows: string[][]) =>
  [titles, titles.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
