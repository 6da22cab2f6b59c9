import { hooksOf, isOurHook, objectOf } from './hooks.ts'

/** What of ours stands in a parsed configuration, however it got there. Pure. */

/** How a server that may be ours is started. */
export interface Registration {
  readonly words: readonly string[]
  readonly isOff: boolean
}

/** The entries that start slm-mesh; Claude Code also keeps some for single projects. */
export function registrationsIn(document: unknown, key: string): Registration[] {
  const root = objectOf(document)
  const lists = [root, ...Object.values(objectOf(root.projects)).map(objectOf)].map((owner) => objectOf(owner[key]))
  return lists.flatMap((list) =>
    Object.entries(list).flatMap(([name, value]) => {
      const entry = objectOf(value)
      const words = wordsOf(entry)
      if (name !== 'slm-mesh' && !words.some((word) => IS_OURS.test(word))) return []
      return [{ words, isOff: entry.disabled === true || entry.enabled === false }]
    }),
  )
}

const IS_OURS = /(?:^|[\\/@])slm-mesh(?:$|[\\/@.])/

function wordsOf(entry: Record<string, unknown>): string[] {
  const { command, args } = entry
  // Zed once had an object there, opencode has a list.
  const before =
    typeof command === 'object' && !Array.isArray(command)
      ? wordsOf({ command: objectOf(command).path, ...objectOf(command) })
      : [command].flat()
  return [...before, ...[args].flat()].filter((word) => typeof word === 'string')
}

/** The events on which hooks of ours run, and whether one of them wakes an idle session. */
export function hooksIn(document: unknown, agent: string): { events: string[]; wakes: boolean } {
  const { hooks, 'slm-mesh': group } = objectOf(document)
  const lists = Object.entries(objectOf(hooks ?? group)).map(([event, list]) => ({
    event,
    ours: [list]
      .flat()
      .flatMap((value) => hooksOf(value) ?? [value])
      .filter((hook) => isOurHook(hook, agent)),
  }))
  return {
    events: lists.filter(({ ours }) => ours.length > 0).map(({ event }) => event),
    wakes: lists.some(({ ours }) => ours.some((hook) => objectOf(hook).asyncRewake === true)),
  }
}
