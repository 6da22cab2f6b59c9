import { type Adapter, asks, goesOn, joined, momentOf } from './adapter.ts'
import { type Fields, objectOf, textOf, textsOf } from './fields.ts'
import { patchedPaths } from './patch.ts'

/**
 * Cursor: https://cursor.com/docs/hooks. Its gates want `permission` in every answer, and take one without it for a failure
 * that blocks the call. Text reaches the model after a tool, at a session's start, and as a follow-up when it has completed
 * its turn; a prompt carries nothing.
 */

const events = {
  sessionStart: 'start',
  preToolUse: 'before-edit',
  postToolUse: 'after-tool',
  stop: 'stop',
  sessionEnd: 'end',
} as const

const writers = ['Write', 'Edit', 'MultiEdit', 'StrReplace', 'ApplyPatch', 'EditNotebook', 'Delete']
/** Names of fields that only a writing tool has: some versions leave the tool's name out. */
const WRITTEN = ['content', 'contents', 'old_string', 'new_string', 'streamContent', 'patch']

export const cursor: Adapter = {
  agentTypes: ['cursor'],
  events,
  writers,
  isOneProcess: true,
  session: (input) => textOf(input, 'conversation_id', 'session_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const tool = objectOf(input, 'tool_input')
    const name = textOf(input, 'tool_name')
    const isWrite = name === undefined ? WRITTEN.some((field) => Object.hasOwn(tool, field)) : writers.includes(name)
    const paths = pathsOf(tool)
    return asks('cursor', moment, {
      isWrite,
      paths,
      cwd: placeOf(input),
    })
  },
  // A turn that was aborted or has failed is not continued.
  isDeaf: (event, input) => event === 'stop' && (textOf(input, 'status') ?? 'completed') !== 'completed',
  print(event, { deny, context, hold }) {
    switch (event) {
      case 'preToolUse': {
        const reason = joined(deny, context)
        return deny
          ? { stdout: { permission: 'deny', user_message: deny, agent_message: reason }, exit: 0 }
          : goesOn({ permission: 'allow' })
      }
      case 'sessionStart':
      case 'postToolUse':
        return context ? { stdout: { additional_context: context }, exit: 0 } : goesOn({})
      case 'stop':
        return hold ? { stdout: { followup_message: joined(hold, context) }, exit: 0 } : goesOn({})
      case 'beforeSubmitPrompt':
        return goesOn({ continue: true })
      default:
        return goesOn(/^(before|pre(?!Compact)|subagentStart)/.test(event) ? { permission: 'allow' } : {})
    }
  },
}

function pathsOf(tool: Fields): string[] {
  const path = textOf(tool, 'file_path', 'path', 'target_file', 'filePath', 'target_notebook')
  return path === undefined ? patchedPaths(textOf(tool, 'patch', 'input', 'command') ?? '') : [path]
}

/** On Windows a workspace is written `/c:/…`. */
const placeOf = (input: Fields) => (textOf(input, 'cwd') ?? textsOf(input, 'workspace_roots')[0])?.replace(/^\/([A-Za-z]:)/, '$1')
