import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { CLAUDE_EVENTS, claudeForm } from '../peer/claude-form.ts'
import type { HookCall } from '../peer/hook.ts'
import type { Joined } from './session.ts'

/**
 * Claude Code's hooks of type `mcp_tool` call this tool of ours, in process: no program is started. It is not listed, so
 * it costs no model any context; its text answer is read as a hook's JSON. Whatever goes wrong, the agent goes on.
 */
export const HOOK_TOOL = 'mesh_hook'

/** Values are substituted by the client as strings, empty where there is nothing; booleans are `true` and `false`. */
export function hookCallOf(args: Record<string, unknown>): { event: string; call: HookCall } | undefined {
  const text = (name: string) => textOf(args, name)
  const event = text('event')
  const moment = Object.hasOwn(CLAUDE_EVENTS, event) ? CLAUDE_EVENTS[event] : undefined
  if (moment === undefined) return undefined
  const paths = [text('file'), text('notebook')].filter((path) => path !== '')
  const call: HookCall = {
    agent: 'claude-code',
    moment,
    ...(paths.length > 0 && { paths }),
    ...(text('cwd') !== '' && { cwd: text('cwd') }),
    ...(text('subagent') !== '' && { isSubagent: true }),
    ...(text('lock') === 'auto' && { autoLock: true }),
  }
  return { event, call }
}

/** The session whose hook this is, which the environment may not know: a resumed one has another id there. */
export const sessionOf = (args: Record<string, unknown>): string => textOf(args, 'session')

const textOf = (args: Record<string, unknown>, name: string) => (typeof args[name] === 'string' ? args[name] : '')

export async function answerHook(
  joined: Joined,
  args: Record<string, unknown>,
  on: { signal: AbortSignal; afterAnswer(run: (left: boolean) => Promise<void>): void },
): Promise<CallToolResult> {
  const asked = hookCallOf(args)
  const answer = asked ? claudeForm(asked.event, await joined.hooks(asked.call, on)) : {}
  return { content: [{ type: 'text', text: JSON.stringify(answer) }] }
}
