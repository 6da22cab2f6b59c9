import { type Adapter, asks, goesOn, joined, momentOf, type Printed } from './adapter.ts'
import { fieldsOf, listOf, objectOf, textOf, textsOf } from './fields.ts'
import { patchedPaths } from './patch.ts'

/**
 * VS Code's agents: https://code.visualstudio.com/docs/agents/reference/hooks-reference. Its local agent wants a decision of
 * Stop inside `hookSpecificOutput`; its Copilot harness is the runtime of Copilot CLI and reads the same fields at the top.
 * Each overlooks what is meant for the other. Matchers are ignored, so that every tool calls. A prompt carries nothing.
 */

const events = {
  SessionStart: 'start',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
} as const

const writers = [
  'editFiles',
  'createFile',
  'create_file',
  'edit_file',
  'insert_edit_into_file',
  'replace_string_in_file',
  'multi_replace_string_in_file',
  'apply_patch',
  'edit_notebook_file',
  'create',
  'edit',
]

export const vscode: Adapter = {
  agentTypes: ['vscode', 'copilot'],
  events,
  writers,
  isOneProcess: true,
  session: (input) => textOf(input, 'session_id', 'sessionId'),
  call(event, input) {
    const moment = momentOf(events, event)
    const isWrite = writers.includes(textOf(input, 'tool_name', 'toolName') ?? '')
    const paths = pathsOf(objectOf(input, 'tool_input', 'toolArgs'))
    return asks('vscode', moment, {
      isWrite,
      paths,
      cwd: textOf(input, 'cwd'),
    })
  },
  print: (event, answer) => printBoth(event, answer, { continue: true }),
}

/** The files that one of the tools of VS Code or Copilot CLI writes. */
export function pathsOf(tool: ReturnType<typeof fieldsOf>): string[] {
  const path = textOf(tool, 'filePath', 'file_path', 'path')
  const inner = listOf(tool, 'replacements').flatMap((entry) => textOf(fieldsOf(entry), 'filePath') ?? [])
  const patched = patchedPaths(textOf(tool, 'input', 'patch') ?? '')
  return [...new Set([...(path === undefined ? [] : [path]), ...textsOf(tool, 'files'), ...inner, ...patched])]
}

/** One answer in both forms. `event` by VS Code's name. */
export function printBoth(event: string, { deny, context, hold }: Parameters<Adapter['print']>[1], goOn: object): Printed {
  const both = (output: object) => ({ stdout: { ...output, hookSpecificOutput: { hookEventName: event, ...output } }, exit: 0 })
  switch (event) {
    case 'PreToolUse':
      if (deny) return both({ permissionDecision: 'deny', permissionDecisionReason: joined(deny, context) })
      return context ? both({ additionalContext: context }) : goesOn(goOn)
    case 'SessionStart':
    case 'PostToolUse':
      return context ? both({ additionalContext: context }) : goesOn(goOn)
    case 'Stop':
      return hold ? both({ decision: 'block', reason: joined(hold, context) }) : goesOn(goOn)
    default:
      return goesOn(goOn)
  }
}
