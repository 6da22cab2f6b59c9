import { type Adapter, asks, goesOn, joined, momentOf } from './adapter.ts'
import { objectOf, textOf } from './fields.ts'

/**
 * Windsurf: https://docs.windsurf.com/windsurf/cascade/hooks. A hook before an action stops it by exit code 2, and what it
 * writes to standard error is told to the agent. There is no other way to tell it anything, and no way to hold it at its
 * end; after a write nothing is asked, lest the session believe that its hooks show mail.
 */

const events = {
  pre_write_code: 'before-edit',
  post_cascade_response: 'stop',
} as const

export const windsurf: Adapter = {
  agentTypes: ['windsurf'],
  events,
  writers: [],
  isOneProcess: true,
  session: (input) => textOf(input, 'trajectory_id'),
  call(event, input) {
    const moment = momentOf(events, event)
    const info = objectOf(input, 'tool_info')
    const path = textOf(info, 'file_path')
    return asks('windsurf', moment, {
      isWrite: moment === 'before-edit',
      paths: [path],
      cwd: textOf(info, 'cwd'),
    })
  },
  isDeaf: (event) => event === 'post_cascade_response',
  print(event, { deny, context }) {
    return event === 'pre_write_code' && deny ? { stderr: joined(deny, context) ?? deny, exit: 2 } : goesOn()
  },
}
