import { type Adapter, asks, goesOn, joined, momentOf } from './adapter.ts'
import { type Fields, numberOf, objectOf, textOf, textsOf } from './fields.ts'

/**
 * Antigravity: https://antigravity.google/docs/hooks. PreToolUse must be answered with a decision: without one the tool is
 * refused. (Its "allow" was seen not to answer for the user.) Text reaches the model before a call of the model only, of
 * which a turn has many: the first is the prompt, the others are as good as after a tool. Stop goes on by "continue".
 */

const events = {
  PreInvocation: 'prompt',
  PreToolUse: 'before-edit',
  PostToolUse: 'after-tool',
  Stop: 'stop',
} as const

const writers = ['write_to_file', 'replace_file_content', 'multi_replace_file_content', 'edit_notebook']

export const antigravity: Adapter = {
  agentTypes: ['antigravity'],
  events,
  writers,
  session: (input) => textOf(input, 'conversationId', 'conversation_id'),
  call(event, input) {
    const moment = event === 'PreInvocation' && isLaterInTurn(input) ? 'after-tool' : momentOf(events, event)
    const tool = objectOf(input, 'toolCall')
    const isWrite = writers.includes(textOf(tool, 'name') ?? '')
    // Only what was written is of interest there.
    if (event === 'PostToolUse' && !isWrite) return undefined
    const path = textOf(objectOf(tool, 'args'), 'TargetFile', 'AbsolutePath', 'path')
    return asks('antigravity', moment, {
      isWrite,
      paths: [path],
      cwd: textsOf(input, 'workspacePaths')[0],
    })
  },
  // After a tool, and where the agent did not choose to end.
  isDeaf: (event, input) =>
    event === 'PostToolUse' || (event === 'Stop' && /error|cancel|abort/i.test(textOf(input, 'terminationReason') ?? '')),
  print(event, { deny, context, hold }) {
    switch (event) {
      case 'PreToolUse':
        return deny ? { stdout: { decision: 'deny', reason: joined(deny, context) }, exit: 0 } : goesOn({ decision: 'allow' })
      case 'PreInvocation':
        return context ? { stdout: { injectSteps: [{ ephemeralMessage: context }] }, exit: 0 } : goesOn({})
      case 'Stop':
        return hold ? { stdout: { decision: 'continue', reason: joined(hold, context) }, exit: 0 } : goesOn({})
      default:
        return goesOn({})
    }
  },
}

const isLaterInTurn = (input: Fields) => (numberOf(input, 'invocationNum') ?? 0) > 0
