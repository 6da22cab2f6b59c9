import type { Environment } from '../../core/config.ts'
import type { HookAnswer, HookCall, Moment } from '../../peer/hook.ts'
import type { Fields } from './fields.ts'

/** What one agent calls its events, how it tells of them, and in which form it wants to be answered. All of it is pure. */

export interface Adapter {
  /** The types under which this agent's peers may be listed; the first is its own. */
  readonly agentTypes: readonly [string, ...string[]]
  /** The events at which it should call us, by its own names: those that can carry something, or that tell us something. */
  readonly events: Readonly<Record<string, Moment>>
  /** Its tools that write files, for a matcher where it has matchers. */
  readonly writers: readonly string[]
  /** All its sessions run in one process, so that a common ancestor does not tell them apart: the project has to. */
  readonly isOneProcess?: boolean
  /** Whether an idle hook of this session may wait. Where nobody sits before the agent, it would wait for us. Default: yes. */
  mayWait?(env: Environment): boolean
  /** The session's own id. */
  session(input: Fields): string | undefined
  /** What to ask the session's peer; undefined where the event does not concern it, such as a tool that writes nothing. */
  call(event: string, input: Fields): HookCall | undefined
  /** Nothing that is answered could reach the agent here: it is only told what happens. */
  isDeaf?(event: string, input: Fields): boolean
  /** The answer in the agent's form. An empty one is the agent's own way to say "go on", and grants no permission. */
  print(event: string, answer: HookAnswer): Printed
}

export interface Printed {
  readonly stdout?: object
  readonly stderr?: string
  readonly exit: number
}

/** One of an agent's events, whatever was asked. */
export const momentOf = (events: Adapter['events'], event: string): Moment | undefined =>
  Object.hasOwn(events, event) ? events[event] : undefined

/** What a tool does to files: whether it writes any, and which those are, as far as its input tells. */
interface Tool {
  readonly isWrite?: boolean
  readonly paths?: readonly (string | undefined)[]
}

/**
 * A call of which only what is known is said. Undefined where there is nothing to ask: the event does not concern us, or a
 * tool that writes nothing is about to run.
 */
export function asks(
  agent: string,
  moment: Moment | undefined,
  { isWrite = false, paths = [], cwd, isSubagent }: Tool & { cwd?: string | undefined; isSubagent?: boolean },
): HookCall | undefined {
  if (moment === undefined || (moment === 'before-edit' && !isWrite)) return undefined
  const written = isWrite ? paths.filter((path) => path !== undefined) : []
  return {
    agent,
    moment,
    ...(written.length > 0 && { paths: written }),
    ...(cwd !== undefined && { cwd }),
    ...(isSubagent && { isSubagent }),
  }
}

/** Parts of an answer that go into one text. Undefined where there is none. */
export function joined(...parts: (string | undefined)[]): string | undefined {
  const texts = parts.filter((part) => part !== undefined && part !== '')
  return texts.length > 0 ? texts.join('\n\n') : undefined
}

/** That the agent goes on, in its own form where it wants one. */
export const goesOn = (stdout?: object): Printed => ({ ...(stdout && { stdout }), exit: 0 })

/**
 * Whether all that there was to say stands in what is printed: an event's form has no place for everything, and what has
 * been left out does not count as shown.
 */
export function saysAll({ stdout, stderr = '' }: Printed, { deny, context, hold, wake }: HookAnswer): boolean {
  const json = stdout ? JSON.stringify(stdout) : ''
  return [deny, context, hold, wake].every(
    (part) => part === undefined || stderr.includes(part) || json.includes(JSON.stringify(part).slice(1, -1)),
  )
}
