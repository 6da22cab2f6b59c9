import type { HookAnswer, Moment } from './hook.ts'

/**
 * Claude Code's hook events that can be calls of a server's tool, and the JSON that it reads. Pure.
 * Source: its hooks reference; each form was seen working with the real program.
 */

export const CLAUDE_EVENTS: Readonly<Record<string, Moment>> = {
  UserPromptSubmit: 'prompt',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
}

/** What to print; an empty object lets everything take its course. */
export function claudeForm(event: string, { deny, context, hold }: HookAnswer): object {
  if (deny !== undefined)
    return {
      hookSpecificOutput: { hookEventName: event, permissionDecision: 'deny', permissionDecisionReason: deny },
    }
  // At a stop, context makes the agent go on as well, and is not shown as an error.
  const added = hold ?? context
  if (added !== undefined) return { hookSpecificOutput: { hookEventName: event, additionalContext: added } }
  return {}
}
