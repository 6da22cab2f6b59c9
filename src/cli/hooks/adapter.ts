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
  /** The session's own id. */
  session(input: Fields): string | undefined
  /** What to ask the session's peer; undefined where the event does not concern it, such as a tool that writes nothing. */
  call(event: string, input: Fields): HookCall | undefined
  /** The answer in the agent's form. An empty one is the agent's own way to say "go on", and grants no permission. */
  print(event: string, answer: HookAnswer): Printed
}

export interface Printed {
  readonly stdout?: object
  readonly stderr?: string
  readonly exit: number
  /** Something of the answer has no place in this event's form, and was left out: it does not count as shown. */
  readonly partial?: boolean
}

/** One of an agent's events, whatever was asked. */
export const momentOf = (events: Adapter['events'], event: string): Moment | undefined =>
  Object.hasOwn(events, event) ? events[event] : undefined

/** A call of which only what is known is said. */
export function asks(
  agent: string,
  moment: Moment,
  known: { paths?: string[] | undefined; cwd?: string | undefined; held?: boolean },
): HookCall {
  const { paths, cwd, held } = known
  return {
    agent,
    moment,
    ...(paths !== undefined && { paths }),
    ...(cwd !== undefined && { cwd }),
    ...(moment === 'stop' && held !== undefined && { held }),
  }
}

/** Parts of an answer that go into one text. Undefined where there is none. */
export function joined(...parts: (string | undefined)[]): string | undefined {
  const texts = parts.filter((part) => part !== undefined && part !== '')
  return texts.length > 0 ? texts.join('\n\n') : undefined
}

/** "Go on", where there is no form for what else there was to say. */
export const goesOn = (unsaid: string | undefined, stdout?: object): Printed => ({
  ...(stdout && { stdout }),
  exit: 0,
  ...(unsaid && { partial: true }),
})
