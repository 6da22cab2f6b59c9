import { existsSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import type { Argument, Command, Option } from 'commander'
import { readConfig } from '../core/config.ts'
import { keyNames, lockedPaths, type Named, namespaceNames, peerNames } from '../core/names.ts'
import { layoutOf } from '../core/paths.ts'
import type { Sql } from '../core/sql.ts'
import { Connection } from '../core/sqlite/connection.ts'
import type { Invocation } from './invocation.ts'
import { safe } from './terminal.ts'

/**
 * `slm-mesh __complete -- <words>`: what may stand in the place of the last word, one `value<TAB>description` a line; the
 * shell picks those that fit what has been typed. Nothing: anything may, and the shell offers files. It stands in
 * somebody's prompt: it only reads, asks no other process, makes no mesh, and on any trouble answers what it knows.
 */

type Build = (invocation: Invocation, only: string) => Promise<{ program: Command }>

export async function complete(words: readonly string[], invocation: Invocation, build: Build): Promise<0> {
  try {
    const before = words.slice(0, -1)
    const { program: outline } = await build(invocation, '')
    const known = new Set(outline.commands.map((command) => command.name()))
    const name = before.find((word) => known.has(word))
    const { program } = name === undefined ? { program: outline } : await build(invocation, name)
    const found = candidates(program, before, words.at(-1) ?? '', (source, place) => live(source, place, invocation))
    // A value that a terminal would not show as it is cannot be offered as it is.
    const lines = found.filter((one) => safe(one.name) === one.name).map((one) => `${one.name}\t${safe(one.about)}\n`)
    invocation.terminal.out(lines.join(''))
  } catch {
    // Not even a word of it belongs into a prompt.
  }
  return 0
}

/** Where on the command line the last word stands. */
interface Place {
  readonly command: Command
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, string>>
  /** The option whose value the last word is, or may be. */
  readonly pending: Option | undefined
  readonly onlyArguments: boolean
}

type Source = 'peers' | 'keys' | 'namespaces' | 'locks'
type Live = (source: Source, place: Place) => readonly Named[]

/** Everything that fits the place of the last word. Pure but for `live`. */
export function candidates(program: Command, before: readonly string[], current: string, live: Live): readonly Named[] {
  const place = placeAfter(program, before)
  if (place === undefined) return []
  const { command, args, pending } = place
  if (pending?.required) return valuesOf(pending, place, live)
  const [flag = '', typed] = split(current)
  if (!place.onlyArguments && typed !== undefined) {
    const option = optionOf(command, flag)
    return option ? valuesOf(option, place, live).map((one) => ({ ...one, name: `${flag}=${one.name}` })) : []
  }
  if (!place.onlyArguments && current.startsWith('-')) return optionsOf(command)
  const optional = pending ? valuesOf(pending, place, live) : []
  const words = args.length === 0 ? commandsOf(command) : []
  return [...optional, ...(words.length > 0 ? words : argumentValues(place, live))]
}

/** Undefined behind words that are no command. */
function placeAfter(program: Command, before: readonly string[]): Place | undefined {
  let command = program
  let pending: Option | undefined
  let onlyArguments = false
  const args: string[] = []
  const options: Record<string, string> = {}
  for (const word of before) {
    if (pending && (pending.required || !word.startsWith('-'))) {
      options[pending.attributeName()] = word
      pending = undefined
      continue
    }
    pending = undefined
    if (!onlyArguments && word === '--') onlyArguments = true
    else if (!onlyArguments && word.startsWith('-') && word !== '-') {
      const [flag = '', value] = split(word)
      const option = optionOf(command, flag)
      if (option && value !== undefined) options[option.attributeName()] = value
      else if (option?.required || option?.optional) pending = option
    } else {
      const next = command.commands.find((one) => one.name() === word || one.aliases().includes(word))
      if (args.length === 0 && next) command = next
      // `help` is followed by a command again.
      else if (command === program && word !== 'help') return undefined
      else if (command !== program) args.push(word)
    }
  }
  return { command, args, options, pending, onlyArguments }
}

/** `--name=value` in its two parts; other words are whole. */
const split = (word: string): [string, string?] => {
  const at = word.indexOf('=')
  return word.startsWith('--') && at !== -1 ? [word.slice(0, at), word.slice(at + 1)] : [word]
}

const optionOf = (command: Command, flag: string) =>
  command.options.find((option) => option.long === flag || option.short === flag)

const commandsOf = (command: Command): Named[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((one) => ({ name: one.name(), about: one.description() }))

const optionsOf = (command: Command): Named[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({ name: option.long ?? option.short ?? '', about: option.description }))

const fixed = (values: readonly string[] | undefined): Named[] | undefined => values?.map((name) => ({ name, about: '' }))

const valuesOf = (option: Option, place: Place, live: Live): readonly Named[] =>
  fixed(option.argChoices) ?? (option.long === '--namespace' ? live('namespaces', place) : [])

function argumentValues(place: Place, live: Live): readonly Named[] {
  const { command, args } = place
  const declared = command.registeredArguments
  const last = declared.at(-1)
  const argument = declared[args.length] ?? (last?.variadic ? last : undefined)
  if (!argument) return []
  const source = sourceOf(command, argument)
  return fixed(argument.argChoices) ?? (source ? live(source, place) : [])
}

/** Commands call the same thing by the same name; a path is a lock only where one is given back. */
function sourceOf(command: Command, argument: Argument): Source | undefined {
  const name = argument.name()
  if (name === 'peer') return 'peers'
  if (name === 'key' && command.parent?.name() === 'state') return 'keys'
  return name.startsWith('path') && command.name() === 'release' ? 'locks' : undefined
}

/** What stands in the file at this moment; nothing where there is none, or it cannot be read. */
function live(source: Source, { options }: Place, { env, cwd }: Invocation): readonly Named[] {
  try {
    const { dataDir } = readConfig({
      ...{ SLM_MESH_URL: env.SLM_MESH_URL, SLM_MESH_MESH: env.SLM_MESH_MESH },
      SLM_MESH_DATA_DIR: options.dataDir ?? env.SLM_MESH_DATA_DIR,
    })
    const { database } = layoutOf(resolve(cwd, dataDir))
    if (!existsSync(database)) return []
    const connection = new Connection(database)
    try {
      return read(source, connection, options.namespace ?? 'default', cwd)
    } finally {
      connection.close()
    }
  } catch {
    return []
  }
}

function read(source: Source, sql: Sql, namespace: string, cwd: string): Named[] {
  if (source === 'peers') return peerNames(sql)
  if (source === 'namespaces') return namespaceNames(sql)
  if (source === 'keys') return keyNames(sql, namespace)
  return lockedPaths(sql).map((lock) => ({ ...lock, name: seenFrom(cwd, lock.name) }))
}

/** A path below the current directory as one would type it. */
function seenFrom(cwd: string, path: string): string {
  const near = relative(cwd, path)
  return near === '' || near.startsWith('..') || isAbsolute(near) || near.startsWith('-') ? path : near
}
