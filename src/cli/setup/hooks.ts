import type { Lists, Piece, Wanted } from './agent.ts'
import { shellLine } from './start.ts'

/** The commands that we write into agents' hooks, and how they are found again. */

/** `slm-mesh hook <agent> <event>`; where it is the guard of an edit, it takes part in auto-lock and may fail closed. */
export function hookCommand({ start, platform, autoLock, guard }: Wanted, agent: string, event: string, isEdit = false): string {
  const words = [...start.words, 'hook', agent, event]
  if (isEdit && autoLock) words.push('--auto-lock')
  if (isEdit && guard) words.push('--fail-closed')
  const line = shellLine(words, platform)
  // A guard that cannot even be started must stop the edit too; 2 is what agents take for that.
  return isEdit && guard && platform !== 'win32' ? `${line}${OR_BLOCK}` : line
}

/** Our entries among an agent's hooks, by its events; none where no hooks are wanted. */
export const hookLists = ({ hooks }: Wanted, agent: string, lists: Lists): Piece => ({
  kind: 'lists',
  path: ['hooks'],
  agent,
  lists: hooks ? lists : {},
})

const OR_BLOCK = ' || exit 2'

/** Whether a hook, or one inside a group of hooks, is ours. */
export function isOurHook(value: unknown, agent: string): boolean {
  const hook = objectOf(value)
  if (hook.type === 'mcp_tool') return hook.tool === 'mesh_hook'
  return ['command', 'bash', 'powershell'].some((key) => isOurCommand(hook[key], agent))
}

const isOurCommand = (text: unknown, agent: string) =>
  typeof text === 'string' &&
  text.includes('slm-mesh') &&
  new RegExp(` hook ${agent} [\\w-]+(?: --auto-lock| --fail-closed)*(?: \\|\\| exit 2)?$`).test(text)

/** A group as Claude Code and those that follow it have them: a matcher, and hooks. */
export const hooksOf = (value: unknown): readonly unknown[] | undefined => {
  const { hooks } = objectOf(value)
  return Array.isArray(hooks) ? hooks : undefined
}

export const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {} // an object
