import type { Command } from 'commander'
import type { Entry } from '../../core/state.ts'
import { common, type Define, type Desk, examples, type Handle, wholeNumber } from '../command.ts'
import { type Column, table } from '../table.ts'
import { safe, safeLines } from '../terminal.ts'
import { times } from '../times.ts'

interface Options {
  namespace: string
  ifVersion?: number
  prefix?: string
  absolute?: boolean
}

export const define: Define = (command, handle) => {
  get(command, handle)
  set(command, handle)
  list(command, handle)
  remove(command, handle)
  command.addHelpText(
    'after',
    examples(
      'slm-mesh state list',
      'slm-mesh state get build/status',
      'slm-mesh state set build/status green',
      'slm-mesh state set api.json - --if-version 0 < openapi.json',
    ),
  )
}

/** A second word with what all of them take. */
const word = (parent: Command, usage: string, summary: string) =>
  common(parent.command(usage).description(summary)).option(
    '-n, --namespace <name>',
    'keys of the same name in different namespaces are different keys',
    'default',
  )

const ifVersion = (command: Command, description: string) =>
  command.option('--if-version <version>', description, wholeNumber('if-version', 0, 999_999_999_999))

function get(parent: Command, handle: Handle): void {
  word(parent, 'get', 'print a value: exactly its bytes to a pipe or a file, safe on a terminal')
    .argument('<key>')
    .option('--absolute', 'show the date and time of the last change instead of how long ago')
    .addHelpText('after', examples('slm-mesh state get build/status', 'slm-mesh state get api.json > openapi.json'))
    .action(
      handle(async (desk: Desk, { namespace, absolute = false }: Options, key: string) => {
        const mesh = await desk.open()
        const { entry } = await mesh.call('state.get', { namespace, key })
        const { terminal } = desk
        if (!desk.json && !terminal.isTty) {
          terminal.out(entry.value)
          return undefined
        }
        desk.answer({ via: mesh.via, entry }, () => safeLines(entry.value))
        const when = times(absolute, Date.now()).past(entry.updatedAt)
        desk.remark(`version ${entry.version} by ${safe(entry.updatedBy.name)}, ${when}`)
        return undefined
      }),
    )
}

function set(parent: Command, handle: Handle): void {
  ifVersion(
    word(parent, 'set', 'write a value that everybody can read')
      .argument('<key>')
      .argument('<value>', 'the text; - reads it from standard input, every byte of it'),
    'only if the entry is at this version; 0: only if there is none',
  )
    .addHelpText(
      'after',
      examples('slm-mesh state set build/status green', 'slm-mesh state set api.json - --if-version 0 < openapi.json'),
    )
    .action(
      handle(async (desk: Desk, { namespace, ifVersion }: Options, key: string, given: string) => {
        const value = given === '-' ? await desk.input() : given
        const mesh = await desk.open({ create: true })
        const { entry } = await mesh.call('state.set', {
          ...{ namespace, key, value },
          ...(ifVersion !== undefined && { ifVersion }),
        })
        desk.answer({ via: mesh.via, entry }, () => `${named(entry)} is at version ${entry.version}`)
        return undefined
      }),
    )
}

function list(parent: Command, handle: Handle): void {
  word(parent, 'list', 'list the keys and the beginnings of their values, in key order, at most 200')
    .option('--prefix <prefix>', 'only keys that begin so')
    .option('--absolute', 'show dates and times instead of how long ago')
    .addHelpText('after', examples('slm-mesh state list --prefix build/', "slm-mesh state list --json | jq -r '.entries[].key'"))
    .action(
      handle(async (desk: Desk, { namespace, prefix = '', absolute = false }: Options) => {
        const mesh = await desk.open()
        const { entries, more } = await mesh.call('state.list', { namespace, prefix })
        const time = times(absolute, Date.now())
        const columns: readonly Column<Entry & { cut?: boolean | undefined }>[] = [
          { title: 'KEY', of: (entry) => entry.key, min: 16, style: () => 'bold' },
          { title: 'VALUE', of: (entry) => (entry.cut ? `${entry.value}…` : entry.value), min: 16 },
          { title: 'VERSION', of: (entry) => String(entry.version), align: 'right' },
          { title: 'BY', of: (entry) => entry.updatedBy.name },
          { title: 'CHANGED', of: (entry) => time.past(entry.updatedAt) },
        ]
        desk.answer({ via: mesh.via, entries, more }, () =>
          entries.length > 0 ? table(desk.terminal, columns, entries) : desk.terminal.isTty ? 'No entries.' : '',
        )
        if (more) desk.remark('There are more: a longer --prefix shows fewer at a time.')
        return undefined
      }),
    )
}

function remove(parent: Command, handle: Handle): void {
  ifVersion(word(parent, 'delete', 'delete a value').argument('<key>'), 'only if the entry is at this version')
    .addHelpText('after', examples('slm-mesh state delete build/status'))
    .action(
      handle(async (desk: Desk, { namespace, ifVersion }: Options, key: string) => {
        const mesh = await desk.open()
        const { entry } = await mesh.call('state.delete', { namespace, key, ...(ifVersion !== undefined && { ifVersion }) })
        desk.answer({ via: mesh.via, entry }, () => `${named(entry)} is deleted; it was at version ${entry.version}`)
        return undefined
      }),
    )
}

const named = ({ key, namespace }: Entry) => (namespace === 'default' ? safe(key) : `${safe(key)} in ${safe(namespace)}`)
