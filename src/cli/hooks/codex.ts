import { type Adapter, asks, goesOn, joined, momentOf } from './adapter.ts'
import { objectOf, textOf } from './fields.ts'
import { patchedPaths } from './patch.ts'

/**
 * Codex: https://developers.openai.com/codex/hooks, and the schemas in its source (codex-rs/hooks/schema). They are strict:
 * a field too many, `permissionDecision: "allow"` or a decision without its reason makes the whole answer invalid. `{}` goes on.
 * Files are in the text of the patch, which is also what a shell command may hold.
 */

const events = {
  SessionStart: 'start',
  UserPromptSubmit: 'prompt',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
} as const

export const codex: Adapter = {
  agentTypes: ['codex'],
  events,
  writers: ['apply_patch'],
  session: (input) => textOf(input, 'session_id', 'thread_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const tool = objectOf(input, 'tool_input')
    const paths = patchedPaths(textOf(tool, 'command', 'input', 'patch') ?? '')
    const isWrite = textOf(input, 'tool_name') === 'apply_patch' || paths.length > 0
    return asks('codex', moment, {
      isWrite,
      paths,
      cwd: textOf(input, 'cwd'),
    })
  },
  print(event, { deny, context, hold }) {
    const specific = (output: object) => ({ stdout: { hookSpecificOutput: { hookEventName: event, ...output } }, exit: 0 })
    switch (event) {
      case 'PreToolUse':
        // Versions that do not know additionalContext here would forget a denial beside it.
        if (deny) return specific({ permissionDecision: 'deny', permissionDecisionReason: joined(deny, context) })
        return context ? specific({ additionalContext: context }) : goesOn({})
      case 'SessionStart':
      case 'UserPromptSubmit':
      case 'PostToolUse':
        return context ? specific({ additionalContext: context }) : goesOn({})
      case 'Stop':
        return hold ? { stdout: { decision: 'block', reason: joined(hold, context) }, exit: 0 } : goesOn({})
      default:
        return goesOn({})
    }
  },
}
