import { type Conflict, fail } from '../core/errors.ts'
import type { Editing } from '../peer/editing.ts'
import type { HookAnswer, HookCall, HookHandler } from '../peer/hook.ts'
import { errorText, quoted } from './answers.ts'
import type { Delivery } from './delivery.ts'
import { editNews } from './edit-news.ts'
import type { Telling } from './mailbox.ts'

/**
 * What the session says to its agent's hooks, whatever agent it is. How each agent asks, and how it is told, is its
 * adapter's business.
 */

const said = (text: string) => `[mesh] ${text}`

export function createHooks({ delivery, editing }: { delivery: Delivery; editing: Editing }): HookHandler {
  return async (call, { signal, afterAnswer }): Promise<HookAnswer> => {
    /** What is to be told counts as told once the answer has left. */
    const carried = (telling: Telling | undefined) => {
      if (telling) afterAnswer((left) => telling.settle(left))
      return telling && said(telling.text)
    }
    const { moment, paths = [], cwd, isSubagent = false } = call
    if (moment !== 'stop' && moment !== 'idle' && moment !== 'end') delivery.waking.sign({ isSubagent })
    switch (moment) {
      case 'after-tool': {
        const met = paths.length > 0 ? await editing.after(paths, { cwd }) : []
        // A subagent keeps what it reads to itself: mail waits for its agent.
        if (isSubagent) return withContext(met.length > 0 ? carried(await editNews(editing, met)) : undefined)
        return withContext(carried(await delivery.show('after-tool', met)))
      }
      case 'start':
      case 'prompt':
        return withContext(carried(await delivery.show(moment)))
      case 'before-edit':
        return paths.length > 0 ? beforeEdit(editing, call) : {}
      case 'stop': {
        const hold = carried(await delivery.show('stop'))
        if (hold !== undefined) return { hold }
        await editing.turnEnded()
        delivery.waking.rests()
        return {}
      }
      case 'idle': {
        const wake = carried(await delivery.sleep(signal))
        return wake === undefined ? {} : { wake }
      }
      case 'end':
        await editing.turnEnded()
        return {}
    }
  }
}

const withContext = (context: string | undefined): HookAnswer => (context === undefined ? {} : { context })

async function beforeEdit(editing: Editing, { paths = [], cwd, autoLock }: HookCall): Promise<HookAnswer> {
  const { refused, elsewhere } = await editing.before(paths, { cwd, autoLock })
  if (refused) return { deny: said(errorText(fail('locked', { conflicts: refused, place: null }))) }
  return withContext(elsewhere.length === 0 ? undefined : said(elsewhere.map(inOtherWorktree).join(' ')))
}

const inOtherWorktree = ({ filePath, holder, until, reason }: Conflict) =>
  `${holder.name} holds the same file in another worktree (${quoted(filePath)}) until ${until}${reason && `: ${quoted(reason)}`}.`
