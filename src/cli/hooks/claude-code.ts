import { claudeForm } from '../../peer/claude-form.ts'
import { type Adapter, asks, goesOn, momentOf } from './adapter.ts'
import { type Fields, objectOf, textOf } from './fields.ts'

/**
 * Claude Code: https://code.claude.com/docs/en/hooks. No output lets it go on as usual; `permissionDecision: "allow"` would
 * skip what its user wants to be asked. `idle` is no event of its own, but what an asyncRewake hook of Stop calls.
 */

const events = {
  SessionStart: 'start',
  UserPromptSubmit: 'prompt',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
  SessionEnd: 'end',
  idle: 'idle',
} as const

const writers = ['Edit', 'Write', 'MultiEdit', 'NotebookEdit']

/** Events at which something can be said. */
const CARRIERS: ReadonlySet<string> = new Set(['SessionStart', 'UserPromptSubmit', 'PreToolUse', 'PostToolUse', 'Stop'])

export const claudeCode: Adapter = {
  agentTypes: ['claude-code'],
  events,
  writers,
  session: (input) => textOf(input, 'session_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const isWrite = writers.includes(textOf(input, 'tool_name') ?? '')
    const path = textOf(objectOf(input, 'tool_input'), 'file_path', 'notebook_path')
    return asks('claude-code', moment, {
      isWrite,
      paths: [path],
      cwd: textOf(input, 'cwd'),
      isSubagent: textOf(input, 'agent_id') !== undefined,
    })
  },
  // Others read Claude Code's hooks too, and `claude -p` waits for those that wait.
  mayWait: ({ CLAUDE_CODE_ENTRYPOINT: entry }) => entry === 'cli',
  print(event, answer) {
    if (event === 'idle') return answer.wake ? { stderr: answer.wake, exit: 2 } : { exit: 0 }
    const form = CARRIERS.has(event) ? claudeForm(event, answer) : {}
    return Object.keys(form).length > 0 ? { stdout: form, exit: 0 } : goesOn()
  },
}

/** Cursor runs hooks that were made for Claude Code too, and says that it is Cursor. Its name for that event, if so. */
export function eventInCursor(event: string, input: Fields): string | undefined {
  if (textOf(input, 'cursor_version') === undefined) return undefined
  return event === 'UserPromptSubmit' ? 'beforeSubmitPrompt' : `${event.charAt(0).toLowerCase()}${event.slice(1)}`
}
