import { type Adapter, asks, goesOn, joined, momentOf } from './adapter.ts'
import { objectOf, textOf } from './fields.ts'

/**
 * Gemini CLI: https://geminicli.com/docs/hooks/reference. Standard output holds one JSON object and nothing else; `{}` goes
 * on. AfterAgent is its stop: a denial there sends the agent on, with the reason as its prompt.
 */

const events = {
  SessionStart: 'start',
  BeforeAgent: 'prompt',
  BeforeTool: 'before-edit',
  AfterTool: 'after-tool',
  AfterAgent: 'stop',
  SessionEnd: 'end',
} as const

const writers = ['write_file', 'replace']

export const geminiCli: Adapter = {
  agentTypes: ['gemini-cli'],
  events,
  writers,
  session: (input) => textOf(input, 'session_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const isWrite = writers.includes(textOf(input, 'tool_name') ?? '')
    const path = textOf(objectOf(input, 'tool_input'), 'file_path')
    return asks('gemini-cli', moment, {
      isWrite,
      paths: [path],
      cwd: textOf(input, 'cwd'),
    })
  },
  print(event, { deny, context, hold }) {
    switch (event) {
      case 'BeforeTool':
        return deny ? { stdout: { decision: 'deny', reason: joined(deny, context) }, exit: 0 } : goesOn({})
      case 'SessionStart':
      case 'BeforeAgent':
      case 'AfterTool':
        return context
          ? { stdout: { hookSpecificOutput: { hookEventName: event, additionalContext: context } }, exit: 0 }
          : goesOn({})
      case 'AfterAgent':
        return hold ? { stdout: { decision: 'deny', reason: joined(hold, context) }, exit: 0 } : goesOn({})
      default:
        return goesOn({})
    }
  },
}
