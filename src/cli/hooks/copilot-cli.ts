import { type Adapter, asks, momentOf } from './adapter.ts'
import { objectOf, textOf } from './fields.ts'
import { pathsOf, printBoth } from './vscode.ts'

/**
 * GitHub Copilot CLI: https://docs.github.com/en/copilot/reference/copilot-cli-reference/cli-hooks-reference. `{}` goes on. Its
 * files may also be read by VS Code, which turns the events' names and fields into its own: both are understood.
 */

const events = {
  sessionStart: 'start',
  preToolUse: 'before-edit',
  postToolUse: 'after-tool',
  agentStop: 'stop',
  sessionEnd: 'end',
} as const

const writers = ['create', 'edit', 'str_replace_editor', 'apply_patch']

const IN_VSCODE: Readonly<Record<string, string>> = {
  sessionStart: 'SessionStart',
  preToolUse: 'PreToolUse',
  postToolUse: 'PostToolUse',
  agentStop: 'Stop',
}

export const copilotCli: Adapter = {
  agentTypes: ['copilot', 'vscode'],
  events,
  writers,
  session: (input) => textOf(input, 'sessionId', 'session_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const tool = objectOf(input, 'toolArgs', 'tool_input')
    const isWrite = isWriting(textOf(input, 'toolName', 'tool_name') ?? '', textOf(tool, 'command'))
    const paths = pathsOf(tool)
    return asks('copilot', moment, {
      isWrite,
      paths,
      cwd: textOf(input, 'cwd'),
    })
  },
  print: (event, answer) => printBoth(IN_VSCODE[event] ?? event, answer, {}),
}

/** One of its tools both views and edits. */
const isWriting = (tool: string, command: string | undefined) => writers.includes(tool) && command !== 'view'
