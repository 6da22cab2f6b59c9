import type { HookAnswer, Moment } from './hook.ts'

/**
 * Claude Code's hook events and the JSON that it reads, which several other agents have taken over. Pure.
 * Source: its hooks reference; each form was seen working with the real program.
 */

export const CLAUDE_EVENTS: Readonly<Record<string, Moment>> = {
  SessionStart: 'start',
  UserPromptSubmit: 'prompt',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
  SessionEnd: 'end',
}

/** What to print; an empty object lets everything take its course. */
export function claudeForm(event: string, { deny, context, hold }: HookAnswer): object {
  if (deny !== undefined)
    return {
      hookSpecificOutput: { hookEventName: event, permissionDecision: 'deny', permissionDecisionReason: deny },
    }
  if (hold !== undefined) return { decision: 'block', reason: hold }
  if (context !== undefined) return { hookSpecificOutput: { hookEventName: event, additionalContext: context } }
  return {}
}
